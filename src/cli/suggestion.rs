//! The nearest command or flag for an unknown word.

use strsim::osa_distance;

use super::definition::Definition;

/// The text of argh before the word.
const UNKNOWN: &str = "Unrecognized argument: ";

/// "Did you mean …?" if the parser's message is about a word that is similar to a known one.
pub(crate) fn for_message(message: &str, words: &[&str], program: &Definition) -> Option<String> {
    let unknown = message.strip_prefix(UNKNOWN)?.lines().next()?.trim();
    let (mut command, mut depth) = (program, 0);
    while let Some(below) = words
        .get(depth)
        .and_then(|word| command.commands.iter().find(|below| below.name() == *word))
    {
        command = below;
        depth += 1;
    }
    let meant = if unknown.starts_with('-') {
        let flags = command.flags.iter().map(|flag| flag.long.to_owned());
        nearest(unknown, flags).into_iter().collect()
    } else if words.get(depth) == Some(&unknown) && !command.commands.is_empty() {
        let here = command.commands.iter().map(|below| below.name().to_owned());
        match nearest(unknown, here) {
            Some(name) => vec![[command.path.as_slice(), &[&name]].concat().join(" ")],
            None => elsewhere(program, unknown),
        }
    } else {
        Vec::new()
    };
    match meant.as_slice() {
        [] => None,
        meant => Some(format!("Did you mean {}?", meant.join(", or "))),
    }
}

/// The subcommands with this name, such as those that are called `create`.
fn elsewhere(program: &Definition, unknown: &str) -> Vec<String> {
    let all = program.all().into_iter().filter(|command| command.path.len() > 2);
    all.filter(|command| command.name() == unknown).map(|command| command.path.join(" ")).collect()
}

/// The candidate that is most similar to `unknown`: at most a third of its letters are wrong, missing or
/// swapped.
fn nearest(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let bare = |word: &str| word.trim_start_matches('-').to_lowercase();
    let unknown = bare(unknown);
    let allowed = (unknown.chars().count() / 3).max(1);
    let distances = known.filter_map(|word| {
        let other = bare(&word);
        let is_begun = unknown.chars().count() >= 3 && other.starts_with(&unknown);
        let distance = if is_begun { 1 } else { osa_distance(&unknown, &other) };
        // A word of two letters with two errors is another word.
        (distance <= allowed && distance < other.chars().count()).then_some((distance, word))
    });
    distances.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::program;

    #[test]
    fn the_nearest_word_is_suggested() {
        let suggested = |line: &str, unknown: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            for_message(&format!("{UNKNOWN}{unknown}\n"), &words, &program())
        };
        let cases = [
            ("snd", "snd", Some("Did you mean sealdrop send?")),
            ("sedn", "sedn", Some("Did you mean sealdrop send?")),
            ("OPEN", "OPEN", Some("Did you mean sealdrop open?")),
            ("stat", "stat", Some("Did you mean sealdrop status?")),
            ("apikeys list", "apikeys", Some("Did you mean sealdrop apikey?")),
            ("account crate x", "crate", Some("Did you mean sealdrop account create?")),
            ("box raed x", "raed", Some("Did you mean sealdrop box read?")),
            (
                "revoke x",
                "revoke",
                Some("Did you mean sealdrop key revoke, or sealdrop apikey revoke?"),
            ),
            ("send --sever x", "--sever", Some("Did you mean --server?")),
            ("send --expire 3d", "--expire", Some("Did you mean --expires?")),
            ("send -password", "-password", Some("Did you mean --password?")),
            ("account create x --alowance 3", "--alowance", Some("Did you mean --allowance?")),
            ("serve --lisen x", "--lisen", Some("Did you mean --listen?")),
            // No similar word; and an extra argument where no command is expected.
            ("dance", "dance", None),
            ("send --zzz", "--zzz", None),
            ("account create a lst", "lst", None),
            ("x", "x", None),
        ];
        for (line, unknown, expected) in cases {
            assert_eq!(suggested(line, unknown).as_deref(), expected, "{line}");
        }
        assert_eq!(
            for_message("Required options not provided:\n    --kind\n", &["send"], &program()),
            None
        );
    }
}
