"""What can go wrong with the embedded stack, always with what to do about it."""


class StackFailure(Exception):
    """The stack cannot go on; `advice` says what a person can do, `exit_code` what the command answers."""

    def __init__(self, message: str, advice: str = "", exit_code: int = 5) -> None:
        super().__init__(message)
        self.advice = advice
        self.exit_code = exit_code


class UnsupportedPlatform(StackFailure):
    """The packaged MongoDB or Java does not run here; existing servers can be used instead."""

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            "Use servers that you already have: set CLOSEDLOOP_MONGO_URI (a replica set) and "
            "CLOSEDLOOP_KAFKA_BOOTSTRAP, then run `./closedloop up` again.",
        )
