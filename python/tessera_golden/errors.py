"""The one error that this package shows to its user."""


class GoldenError(Exception):
    """Something that the user can mend; its text is one line: what, the actual value, what to do."""


def first_line(error: BaseException) -> str:
    """The first line that says something, because errors of the libraries run over many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
