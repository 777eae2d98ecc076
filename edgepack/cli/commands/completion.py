"""Print the script that teaches a shell to complete edgepack.

\b
  bash:  echo 'eval "$(edgepack completion bash)"' >> ~/.bashrc
  zsh:   echo 'eval "$(edgepack completion zsh)"' >> ~/.zshrc
  fish:  edgepack completion fish > ~/.config/fish/completions/edgepack.fish
"""

from __future__ import annotations

import click

from edgepack.cli.command import Outcome, define

_SHELLS = ("bash", "zsh", "fish")


@define(__doc__)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> Outcome:
    """Give the shell's script, as click makes it."""
    from click.shell_completion import get_completion_class

    from edgepack.cli.app import COMPLETION_VARIABLE, app

    completion = get_completion_class(shell)
    assert completion is not None, "click knows all shells that the argument allows"
    script = completion(app, {}, "edgepack", COMPLETION_VARIABLE).source()
    return Outcome({"shell": shell, "script": script}, lambda: script)
