"""A table turned into a model that is trained, tracked, served and watched.

This is the recipe: what is particular to this project, a module a stage, in the order of the
lifecycle: data, features, candidates, training, evaluation, gate, service, monitoring, lifecycle.
The mechanisms beneath it are in `ml_lifecycle`, which is the same in every project.
"""

import os

import ml_lifecycle

# Boosted trees busy-wait for their threads: beside any other work on the machine, a fit with one
# thread is faster than one with many. The search runs its folds side by side instead.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What `ml_lifecycle.digest()` is of the library that this recipe was made with.
LIBRARY = "44bc08398d2fbbac9772ed99e6cdccfaf72f5575cb4e97736e843fa232fda44c"

if ml_lifecycle.digest() != LIBRARY:
    raise ImportError(
        f"{ml_lifecycle.__file__} is not the library that this project was made with: another "
        "project's in the same environment, or edited. `make setup` brings it back; a change of "
        "the library belongs into the template, or its digest into LIBRARY"
    )
