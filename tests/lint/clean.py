"""What the lints share: C text without its comments and strings, line by line as it was."""
import re

_SPOKEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'", re.S)


def clean(text):
    """Comments, strings and character constants become spaces; newlines stay."""
    return _SPOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, at):
    """The number of the line on which offset at stands."""
    return text.count("\n", 0, at) + 1
