//! Flags that several commands have, with their texts. argh cannot include one struct in another.
//!
//! `command!` defines the struct of a command: its own arguments in braces, then the flags named after the
//! colon, in that order. Those named after `after`, before the colon, come first of all. A text in
//! parentheses replaces the usual text of a flag.
//!
//! ```text
//! command! {
//!     /// Delete a thing.
//!     #[argh(subcommand, name = "delete", …)]
//!     pub(crate) struct ThingDeleteCommand: json, directory {
//!         /// its id
//!         #[argh(positional)]
//!         id: String,
//!     }
//! }
//! ```

/// Defines a command with its own arguments and the flags named after the colon.
macro_rules! command {
    (
        $(#[$($attribute:tt)*])*
        $vis:vis struct $Name:ident: $($flag:ident $(($($text:tt),+))?),+ { $($fields:tt)* }
    ) => {
        command! {
            @ [$(#[$($attribute)*])* $vis struct $Name] $Name { $($fields)* }
            $($flag $(($($text),+))?,)+
        }
    };
    (
        $(#[$($attribute:tt)*])*
        $vis:vis struct $Name:ident after $($first:ident),+:
            $($flag:ident $(($($text:tt),+))?),+ { $($fields:tt)* }
    ) => {
        command! {
            @ [$(#[$($attribute)*])* $vis struct $Name] $Name {}
            $($first,)+ own { $($fields)* }, $($flag $(($($text),+))?,)+
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } own { $($own:tt)* }, $($rest:tt)*) => {
        command! { @ $head $Name { $($fields)* $($own)* } $($rest)* }
    };
    (@ [$($head:tt)*] $Name:ident { $($fields:tt)* }) => {
        #[derive(argh::ArgsInfo, argh::FromArgs)]
        $($head)* { $($fields)* }
    };

    // A flag with its usual text.
    (@ $head:tt $Name:ident $fields:tt json, $($rest:tt)*) => {
        command! { @ $head $Name $fields json("print one line of JSON"), $($rest)* }
    };
    (@ $head:tt $Name:ident $fields:tt json_array, $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            json("print one line of JSON: an array, with times in Unix seconds"), $($rest)*
        }
    };
    (@ $head:tt $Name:ident $fields:tt key_file, $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            key_file("a file with an API key (SEALDROP_KEY_FILE, or the key itself in SEALDROP_KEY)"),
            $($rest)*
        }
    };
    (@ $head:tt $Name:ident $fields:tt dialect, $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            dialect("the API of the server: sealdrop or password.link (SEALDROP_DIALECT, sealdrop)"),
            $($rest)*
        }
    };

    // Groups of flags.
    (@ $head:tt $Name:ident $fields:tt server, $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            server_url("the server's address (SEALDROP_SERVER)"), key_file, dialect, transport, $($rest)*
        }
        server_connection!($Name);
    };
    (@ $head:tt $Name:ident $fields:tt link_server($key_file:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            server_url("the server's address (the link's)"), key_file($key_file), dialect, transport,
            $($rest)*
        }
        server_connection!($Name);
    };
    (@ $head:tt $Name:ident $fields:tt box_server($url:tt, $key_file:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name $fields
            server_url($url), key_file($key_file),
            dialect(
                "the API of the server: sealdrop; password.link has no boxes (SEALDROP_DIALECT, sealdrop)"
            ),
            transport, $($rest)*
        }
        server_connection!($Name);
    };

    // Each flag.
    (@ $head:tt $Name:ident { $($fields:tt)* } json($text:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                #[doc = $text]
                #[argh(switch)]
                json: bool,
            } $($rest)*
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } directory, $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
                #[argh(option)]
                data: Option<String>,

                /// a TOML file that names the data directory
                #[argh(option)]
                config: Option<String>,
            } $($rest)*
        }

        impl $Name {
            /// The flags that name the data directory.
            fn directory(&self) -> $crate::cli::operator::administration::DirectoryFlags {
                $crate::cli::operator::administration::DirectoryFlags {
                    data: self.data.clone(),
                    config: self.config.clone(),
                }
            }
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } backup, $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                /// the backup
                #[argh(positional, arg_name = "FILE|-")]
                file: String,

                /// a file with a private key of age (AGE-SECRET-KEY-1…); repeat it for several
                #[argh(option, arg_name = "FILE")]
                identity: Vec<String>,

                /// a file with the passphrase (default: ask at the terminal)
                #[argh(option, arg_name = "FILE")]
                passphrase_file: Option<String>,

                /// for a backup made with --since: the earlier backup (default: by its name, beside the backup);
                /// repeat it, newest first, if that one was made with --since, too
                #[argh(option, arg_name = "FILE")]
                base: Vec<String>,
            } $($rest)*
        }

        impl $Name {
            /// The arguments that name a backup and what opens it.
            fn backup(&self) -> $crate::cli::operator::backup::opened::BackupFlags<'_> {
                $crate::cli::operator::backup::opened::BackupFlags {
                    file: &self.file,
                    identity: &self.identity,
                    passphrase_file: self.passphrase_file.as_deref(),
                    base: &self.base,
                }
            }
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } key_source, $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                /// for a backup without keys: the key table of today, from the directory of serve --keys-out
                #[argh(option, arg_name = "FILE")]
                keys: Option<String>,

                /// with --keys: the ring of today, or its copy
                #[argh(option, arg_name = "FILE")]
                ring: Option<String>,
            } $($rest)*
        }

        impl $Name {
            /// The files that the flags `--keys` and `--ring` name; `None` without them.
            fn key_source(
                &self,
                context: &$crate::cli::Context<'_>,
            ) -> Result<
                Option<$crate::cli::operator::backup::key_source::SourceFlags>,
                $crate::cli::Failure,
            > {
                $crate::cli::operator::backup::key_source::SourceFlags::find(
                    self.keys.as_deref(),
                    self.ring.as_deref(),
                    context,
                )
            }
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } server_url($text:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                #[doc = $text]
                #[argh(option, arg_name = "URL")]
                server: Option<String>,
            } $($rest)*
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } key_file($text:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                #[doc = $text]
                #[argh(option, arg_name = "FILE")]
                key_file: Option<String>,
            } $($rest)*
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } dialect($text:tt), $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                #[doc = $text]
                #[argh(option, arg_name = "sealdrop|password.link")]
                dialect: Option<String>,
            } $($rest)*
        }
    };
    (@ $head:tt $Name:ident { $($fields:tt)* } transport, $($rest:tt)*) => {
        command! {
            @ $head $Name {
                $($fields)*
                /// a header for a proxy in front of the server, such as a login; repeat it for several, or
                /// give @FILE for the headers in a file (SEALDROP_HEADER)
                #[argh(option, arg_name = "NAME:VALUE")]
                header: Vec<String>,

                /// a file with the certificates to trust instead of those of the system (SEALDROP_CACERT)
                #[argh(option, arg_name = "FILE")]
                cacert: Option<String>,
            } $($rest)*
        }
    };
}

/// Gives a command with all flags of a server the function `connection`.
macro_rules! server_connection {
    ($Name:ident) => {
        impl $Name {
            /// The flags that name the server and the connection.
            fn connection(&self) -> $crate::cli::connection::ServerFlags {
                $crate::cli::connection::ServerFlags {
                    server: self.server.clone(),
                    key_file: self.key_file.clone(),
                    dialect: self.dialect.clone(),
                    header: self.header.clone(),
                    cacert: self.cacert.clone(),
                }
            }
        }
    };
}

/// Defines a command that has commands below it, and the enum of these.
macro_rules! command_group {
    (
        $(#[$($attribute:tt)*])*
        $vis:vis struct $Name:ident: $Actions:ident { $($Action:ident($Command:ty),)+ }
    ) => {
        #[derive(argh::ArgsInfo, argh::FromArgs)]
        $(#[$($attribute)*])*
        $vis struct $Name {
            #[argh(subcommand)]
            action: $Actions,
        }

        #[derive(argh::ArgsInfo, argh::FromArgs)]
        #[argh(subcommand)]
        #[allow(clippy::large_enum_variant, reason = "one value per run; argh cannot fill a box")]
        enum $Actions {
            $($Action($Command),)+
        }

        impl $Name {
            $vis fn run(
                self,
                context: &mut $crate::cli::Context<'_>,
            ) -> Result<(), $crate::cli::Failure> {
                match self.action {
                    $($Actions::$Action(command) => command.run(context),)+
                }
            }
        }
    };
}

pub(crate) use {command, command_group, server_connection};
