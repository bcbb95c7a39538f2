"""Every way this software can refuse, one class per cause, each with its whole sentence.

ReelError                      exit code 1; the message says what, where, what to do
├── InputError                 what came in cannot be used
│   ├── FileMissing            a path that is not there
│   ├── FileUnreadable         there, but not what it claims to be
│   ├── NothingToRead          an empty file or table
│   ├── ColumnsMissing         a table without the columns the job needs
│   ├── EncoderMissing         a sentence encoder that is not on this machine
│   ├── TooFewFilms            a table with too little to learn from
│   └── ValueRefused           one value that is out of bounds or unknown
├── NotFound                   a title, profile, version or setting nobody has heard of
├── StoreError                 the database
│   ├── StoreUnreachable       cannot be opened, or went away halfway
│   ├── StoreNotWritable       read-only or full disk
│   └── StoreTooNew            written by a newer version of this software
├── LabelsError                labels that nothing can be learned from
│   ├── TooFewLabels
│   ├── OneVerdictOnly
│   ├── TooFewRaters       not enough people to learn a population from
│   └── OverlappingPeople  test people whom the prior was learned on
├── BundleError                a saved model
│   ├── BundleMissing
│   ├── BundleCorrupt
│   └── BundleTooNew
├── RegistryUnreachable        MLflow, or where it keeps its artifacts
├── DiskError                  a file of ours could not be written
└── ExtraMissing               an optional part is not installed
"""

from __future__ import annotations

from collections.abc import Sequence


class ReelError(Exception):
    """Anything that this software refuses to do, said in one sentence for a person."""


class InputError(ReelError):
    """What came in cannot be used."""


class FileMissing(InputError):
    """A path that is not there."""

    def __init__(self, path: object) -> None:
        super().__init__(f"There is no file {path}: check the path.")


class FileUnreadable(InputError):
    """A file that is there but is not what it claims to be."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path} cannot be read: {why}")


class NothingToRead(InputError):
    """An empty file or table."""

    def __init__(self, source: object) -> None:
        super().__init__(f"{source} holds no rows: nothing was changed.")


class ColumnsMissing(InputError):
    """A table without the columns that the job needs."""

    def __init__(self, source: object, missing: Sequence[str], found: Sequence[str]) -> None:
        shown = ", ".join(found[:12]) + (" ..." if len(found) > 12 else "")
        super().__init__(
            f"{source} lacks the column {' and '.join(missing)}; it has: {shown or 'none'}. "
            "Rename a column or add one, then run this again; nothing was changed."
        )


class ValueRefused(InputError):
    """One value that is out of bounds or unknown."""

    def __init__(self, where: str, value: object, what_to_do: str) -> None:
        super().__init__(f"{where}: {str(value)[:80]!r} is not possible; {what_to_do}")


class NotFound(ReelError):
    """A title, profile, version or setting nobody has heard of."""

    def __init__(self, what: str, name: object, what_to_do: str) -> None:
        super().__init__(f"There is no {what} {str(name)[:80]!r}: {what_to_do}")


class StoreError(ReelError):
    """The database cannot do what it was asked."""


class StoreUnreachable(StoreError):
    """The database cannot be opened, or went away halfway."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"The database {where} cannot be reached ({why}); nothing of this step was saved, run it again."
        )


class StoreNotWritable(StoreError):
    """Read-only file system or full disk."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"The database {where} cannot be written ({why}); nothing was changed: free some space or mend the permissions, "
            "then run this again."
        )


class StoreTooNew(StoreError):
    """The database was written by a newer version of this software."""

    def __init__(self, where: str, version: str) -> None:
        super().__init__(
            f"The database {where} is at version {version}, newer than this software knows: update reel-driver."
        )


class LabelsError(ReelError):
    """Labels that nothing can be learned from."""


class TooFewLabels(LabelsError):
    """Fewer labels than the model needs."""

    def __init__(self, n_labels: int, needed: int) -> None:
        super().__init__(
            f"There are {n_labels} labels to train on and this model needs at least {needed}: add some with `reel labels set`."
        )


class OneVerdictOnly(LabelsError):
    """Every label says the same."""

    def __init__(self, verdict: str, n_labels: int) -> None:
        super().__init__(
            f"All {n_labels} labels say {verdict}, so there is nothing to tell apart: label a few titles the other way "
            "with `reel labels set`."
        )


class TooFewRaters(LabelsError):
    """A population is more than these."""

    def __init__(self, n_people: int, needed: int, n_ratings: int) -> None:
        super().__init__(
            f"Only {n_people} people have rated at least {n_ratings} of the titles; {needed} are needed: check that both "
            "files count movieId alike."
        )


class OverlappingPeople(LabelsError):
    """The prior has been learned on some of the people that it should be judged on."""

    def __init__(self, n_people: int, n_overlap: int) -> None:
        super().__init__(
            f"{n_overlap} of the {n_people} people were used to learn the prior, so the figures would flatter it: take "
            "other ratings, or say --allow-overlap."
        )


class BundleError(ReelError):
    """A saved model cannot be used."""


class BundleMissing(BundleError):
    """There is no trained model yet."""

    def __init__(self, what: object) -> None:
        super().__init__(f"There is no trained model for {what} yet: run `reel train` first.")


class BundleCorrupt(BundleError):
    """A saved model that is damaged."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"The bundle {path} is damaged ({why}): train again with `reel train --force`.")


class BundleTooNew(BundleError):
    """A saved model of a newer version of this software."""

    def __init__(self, path: object, version: int, known: int) -> None:
        super().__init__(
            f"The bundle {path} has format {version} and this software reads up to {known}: update reel-driver."
        )


class RegistryUnreachable(ReelError):
    """MLflow, or where it keeps its artifacts, cannot be reached."""

    def __init__(self, uri: object, why: str) -> None:
        super().__init__(
            f"MLflow at {uri} cannot be used ({why}); what is on this machine is untouched and goes on being used."
        )


class DiskError(ReelError):
    """A file of ours could not be written."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(
            f"{path} cannot be written ({why}); what was there before is untouched: free some space or mend the permissions."
        )


class ServiceUnreachable(ReelError):
    """A running service that does not answer as it should."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"The service at {address} does not answer ({why}): check the address, and the token if it asks for one."
        )


class ExtraMissing(ReelError):
    """An optional part is not installed."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs an optional part: install it with `pip install 'reel-driver[{extra}]'`.")


class TooFewFilms(InputError):
    """A table in which too few films carry what is to be learned."""

    def __init__(self, n_films: int, needed: int, what: str) -> None:
        super().__init__(f"{n_films} films have {what} and at least {needed} are needed: take a larger table.")


class EncoderMissing(InputError):
    """A sentence encoder that is not on this machine."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"There is no sentence encoder {name}: {why}; run `hf download sentence-transformers/{name}` where there is a network, "
            "or set REEL_ENCODER to a folder that holds it."
        )
