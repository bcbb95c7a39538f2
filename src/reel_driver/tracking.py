"""Runs and models in MLflow. The only module that imports mlflow; nothing here is needed to serve what is on disk.

Aliases are used, never stages. A bundle is logged as plain files, so that any client of MLflow can fetch it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reel_driver.config import setting
from reel_driver.errors import ExtraMissing, RegistryUnreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE = "bundle"
"""Folder of a run's artifacts that holds the bundle."""
MARK = "reel.sha256"
"""Tag of a model version: SHA-256 of its bundle's manifest, by which a local copy is recognised."""


@dataclass(frozen=True)
class RemoteVersion:
    """A version of a registered model."""

    name: str
    version: str
    run_id: str
    mark: str


@dataclass(frozen=True)
class RunFacts:
    """What a run is told of.

    Attributes:
        params: settings of the training.
        metrics: numbers, the baselines' too.
        tags: words: pipeline, fingerprint of the data, profile.
        texts: further artifacts by path: the confusion matrix, plots.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    texts: Mapping[str, str]


def tracking_uri() -> str:
    """Where MLflow is; empty when it is not configured."""
    if uri := setting("MLFLOW_TRACKING_URI"):
        return uri
    host = setting("MLFLOW_HOST")
    if not host:
        return ""
    return f"{host if '://' in host else f'http://{host}'}:{setting('MLFLOW_PORT')}"


def without_password(text: str) -> str:
    """A text that names MLflow's address, with the user and the password left out of it."""
    user, at, _ = urlsplit(tracking_uri()).netloc.rpartition("@")
    return text.replace(user + at, "") if at else text


def is_configured() -> bool:
    """Whether models are registered with MLflow."""
    return bool(tracking_uri())


def log_and_register(folder: Path, name: str, mark: str, facts: RunFacts, aliases: Mapping[str, str]) -> RemoteVersion:
    """Log a training run with its bundle, register the bundle as a version, and set the aliases.

    Args:
        folder: of the saved bundle.
        name: registered name.
        mark: SHA-256 of its manifest.
        facts: what the run is told of.
        aliases: alias to "new", or to the alias whose version it takes over before.

    Raises:
        RegistryUnreachable: when MLflow cannot be reached, or refuses.
    """
    with _Translated():
        client = _client(tracking_uri())
        experiment = setting("REEL_DRIVER_MLFLOW_EXPERIMENT")
        found = client.get_experiment_by_name(experiment)
        experiment_id = found.experiment_id if found else client.create_experiment(experiment)
        run = client.create_run(experiment_id, run_name=f"{name} {folder.name}", tags=dict(facts.tags))
        run_id = run.info.run_id
        for key, value in facts.params.items():
            client.log_param(run_id, key, value)
        for key, number in facts.metrics.items():
            client.log_metric(run_id, key, number)
        for path, text in facts.texts.items():
            client.log_text(run_id, text, path)
        client.log_artifacts(run_id, str(folder), BUNDLE)
        client.set_terminated(run_id)
        if not _has_model(client, name):
            client.create_registered_model(name)
        source = f"{run.info.artifact_uri}/{BUNDLE}"
        made = client.create_model_version(name, source, run_id, tags={MARK: mark, "reel.version": folder.name})
        before = {alias: champion(name, alias) for alias in set(aliases.values()) - {"new"}}
        for alias, source_alias in aliases.items():
            version = made.version if source_alias == "new" else getattr(before[source_alias], "version", None)
            if version is not None:
                client.set_registered_model_alias(name, alias, str(version))
        return RemoteVersion(name, str(made.version), run_id, mark)


def champion(name: str, alias: str) -> RemoteVersion | None:
    """The version that bears an alias; None when there is none.

    Raises:
        RegistryUnreachable: when MLflow cannot be reached.
    """
    from mlflow.exceptions import MlflowException

    with _Translated():
        try:
            found = _client(tracking_uri()).get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return RemoteVersion(name, str(found.version), str(found.run_id), str(found.tags.get(MARK, "")))


def find(name: str, mark: str) -> RemoteVersion | None:
    """The version of a bundle, by the mark of its manifest."""
    with _Translated():
        for found in _client(tracking_uri()).search_model_versions(f"name = '{name}'"):
            if found.tags.get(MARK) == mark:
                return RemoteVersion(name, str(found.version), str(found.run_id), mark)
        return None


def set_alias(name: str, alias: str, version: str) -> None:
    """Give an alias to a version.

    Raises:
        RegistryUnreachable: when MLflow cannot be reached.
    """
    with _Translated():
        _client(tracking_uri()).set_registered_model_alias(name, alias, version)


def download(remote: RemoteVersion, folder: Path) -> Path:
    """Fetch a version's bundle into a new folder under `folder`; returns that.

    Raises:
        RegistryUnreachable: when MLflow or its artifacts cannot be reached.
    """
    with _Translated():
        return Path(_client(tracking_uri()).download_artifacts(remote.run_id, BUNDLE, str(folder)))


class _Translated:
    """A block in which every failure of MLflow, of its artifacts and of the network is one kind of error."""

    def __enter__(self) -> _Translated:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ExtraMissing | RegistryUnreachable):
            first = without_password((str(error).splitlines() or [""])[0])[:200]
            raise RegistryUnreachable(without_password(tracking_uri()), f"{type(error).__name__}: {first}") from None


def _has_model(client: MlflowClient, name: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True


@cache
def _client(uri: str) -> MlflowClient:
    """The client, told to give up soon: a registry that hangs must not hold anybody up."""
    defaults = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    if endpoint := setting("REEL_DRIVER_MINIO_ENDPOINT"):
        url = endpoint if "://" in endpoint else f"http://{endpoint}:{setting('REEL_DRIVER_MINIO_PORT')}"
        defaults |= {
            "MLFLOW_S3_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": setting("REEL_DRIVER_MINIO_ACCESS_KEY"),
            "AWS_SECRET_ACCESS_KEY": setting("REEL_DRIVER_MINIO_SECRET_KEY"),
        }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ExtraMissing("mlflow", "MLflow") from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # what it has to say of its progress is not ours to print
    return MlflowClient(tracking_uri=uri, registry_uri=uri)
