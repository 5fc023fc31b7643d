"""Why a command could not do what was asked, each kind with the exit code of the contract."""


class CommandFailed(Exception):
    """`advice` says what a person can do about it; both are printed on stderr."""

    exit_code = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class WrongUsage(CommandFailed):
    """What was asked cannot be meant."""

    exit_code = 2


class NotFound(CommandFailed):
    exit_code = 3


class Conflict(CommandFailed):
    """Somebody else was faster, or it is under way."""

    exit_code = 4


class DependencyDown(CommandFailed):
    """A service, Kafka or MongoDB does not answer; repeating the command later is safe."""

    exit_code = 5
