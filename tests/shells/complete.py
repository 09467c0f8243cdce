"""Types lines into a shell at a terminal, completes each, and prints the completed lines.

Usage: complete.py bash|zsh SCRIPT LINE...

Where a line ends, the key is pressed that inserts everything the shell would offer there. Nothing is
run but `echo`, into a file: on the terminal the line would be wrapped and coloured.
"""

import os
import pty
import sys
import tempfile

# Has a number: a shell may draw the same prompt again.
PROMPT = "PS1='prompt-$((++prompts))> '"

BASH = """
bind 'set enable-bracketed-paste off'
bind '"\\C-xa": insert-completions'
. {script}
{prompt}
"""

ZSH = """
setopt prompt_subst
fpath=({directory} $fpath)
autoload -Uz compinit && compinit -u -D
zle -C everything complete-word _generic
zstyle ':completion:everything:*' completer _all_matches _complete
zstyle ':completion:everything:*' insert yes
bindkey '^Xa' everything
bindkey '^A' beginning-of-line
bindkey '^E' end-of-line
{prompt}
"""


def read_until(terminal, part):
    text = b""
    while part.encode() not in text:
        text += os.read(terminal, 65536)


def main(shell, script, lines):
    with tempfile.TemporaryDirectory() as directory:
        start, out = f"{directory}/start", f"{directory}/out"
        # zsh finds it by its name, as it is installed.
        os.symlink(os.path.abspath(script), f"{directory}/_sealdrop")
        commands, arguments = {
            "bash": (BASH, ["bash", "--noprofile", "--norc", "-i"]),
            "zsh": (ZSH, ["zsh", "-f", "-i"]),
        }[shell]
        with open(start, "w") as file:
            file.write(commands.format(script=script, directory=directory, prompt=PROMPT))
        child, terminal = pty.fork()
        if child == 0:
            environment = {**os.environ, "TERM": "dumb", "PS1": "first> ", "HOME": directory}
            os.execvpe(arguments[0], arguments, environment)
        read_until(terminal, "first> ")
        os.write(terminal, f". {start}\n".encode())
        for number, line in enumerate(lines, 1):
            read_until(terminal, f"prompt-{number}> ")
            os.write(terminal, f"{line}\x18a\x01echo \x05 >>{out}\n".encode())
        read_until(terminal, f"prompt-{len(lines) + 1}> ")
        os.write(terminal, b"exit\n")
        os.waitpid(child, 0)
        with open(out) as file:
            sys.stdout.write(file.read())


main(sys.argv[1], sys.argv[2], sys.argv[3:])
