"""What can go wrong, in the three ways a scheduler can tell apart by the exit code."""


class ProjectError(Exception):
    """A message for a person, without a traceback; the class says which exit code it ends in."""

    exit_code = 1


class CheckFailed(ProjectError):
    """A check said no: bad data, a gate that holds, drift that needs somebody."""


class DataError(CheckFailed):
    """The bytes are no table, or rows break the contract; names file, column, row and value."""


class WrongUse(ProjectError):
    """What was asked for makes no sense: a wrong option, an unknown key, a missing file."""

    exit_code = 2


class WorldBroken(ProjectError):
    """Disk, network or registry: trying again later may help."""

    exit_code = 3
