"""t"""


def arguments(p):
    pass
