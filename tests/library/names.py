"""Names that a folder may have, which URLs, SQL and MLflow stumble over."""

import random

SIGNS = "a B?#%&+=;:@~^!$`|<>()[]{}*,.\\'\"äß名🎉"
NAMES = [
    "a b",
    "what?",
    "100%",
    "no #1",
    "it's",
    'a "b"',
    'it\'s "b"',
    "Kündigung 名",
    "back\\slash",
]


def anywhere(seed: int) -> str:
    """Return a name of such signs."""
    draw = random.Random(seed)
    return "x" + "".join(draw.choice(SIGNS) for _ in range(draw.randint(1, 20)))
