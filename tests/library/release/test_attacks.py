"""Who may write to the registry, and holds no key, cannot make a reader run or believe anything.

Each attack is made in a real registry on SQLite, in its artifacts or its database. Those by name
`signed` are made by somebody who has the key as well: then types, sizes and answers still hold.
"""

import contextlib
import gzip
import http.server
import io
import json
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow.artifacts
import numpy as np
import pytest
import skops.io
from ml_lifecycle import download, files
from ml_lifecycle.digest import sha256
from ml_lifecycle.errors import CheckFailed, WorldBroken
from ml_lifecycle.release import bundle, client, keys, registry, verify
from project import features
from project.candidates import TRUST
from project.settings import Settings

PACKAGE = features.__name__.partition(".")[0]


@dataclass(frozen=True)
class Place:
    """A registry under attack: its first version, the folder of its files, and a canary.

    The canary is a file that any code of the attacker makes.
    """

    settings: Settings
    version: registry.Version
    store: Path
    canary: Path

    def fetch(self, **asked: Any) -> bundle.Release:
        """Read the version as the gate and the service do; nothing of the attacker's may run."""
        try:
            return self.registry.fetch(self.version, **asked)
        finally:
            assert not self.canary.exists()

    @property
    def registry(self) -> registry.Registry:
        """The registry that the environment names now."""
        project = self.settings.project
        return registry.Registry(project.at(project.root), TRUST)

    def sign(self, **lineage: Any) -> None:
        """Sign the files as they are now, as only we can."""
        manifest = json.loads((self.store / "manifest.json").read_bytes()) | lineage
        if "files" not in lineage:
            manifest["files"] = {
                name: sha256((self.store / name).read_bytes())
                for name in (*files.FILES, *files.LATER)
            }
        self.say(json.dumps(manifest).encode())

    def say(self, manifest: bytes) -> None:
        (self.store / "manifest.json").write_bytes(manifest)
        signature = keys.sign(manifest, self.settings.project.root)
        (self.store / "manifest.sig").write_bytes(signature)

    def write(self, name: str, content: bytes) -> None:
        (self.store / name).parent.mkdir(parents=True, exist_ok=True)
        (self.store / name).write_bytes(content)

    @property
    def code(self) -> str:
        """Python that makes the canary."""
        return f"open({str(self.canary)!r}, 'w').close()"

    def armed(self, run: Callable[[], Any]) -> None:
        """Show that the attack would work on a reader that is less careful."""
        run()
        assert self.canary.exists(), "the attack is none"
        self.canary.unlink()

    def sql(self, text: str, *values: Any) -> None:
        with sqlite3.connect(self.settings.project.root / "mlflow.db") as database:
            database.execute(text, values)
        database.close()


@pytest.fixture
def place(champion: Any, tmp_path: Path) -> Place:
    settings = champion.copy(tmp_path)
    shutil.rmtree(tmp_path / "releases")
    version = settings.registry.get(champion.trained.number)
    store = tmp_path / "mlruns" / version.run_id / "artifacts" / "release"
    return Place(settings, version, store, tmp_path / "canary")


class Exploit:
    """Pickled, it is code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return exec, (self.code,)


def rewritten(content: bytes, change: Callable[[dict[str, bytes]], Any]) -> bytes:
    """Return a zip whose members were changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return made.getvalue()


def _array(members: dict[str, Any]) -> str:
    return next(name for name in members if name.endswith(".npy"))


def pickled(place: Place) -> None:
    """A pickle in the place of the model."""
    content = pickle.dumps(Exploit(place.code))
    place.armed(lambda: pickle.loads(content))
    place.write("model.skops", content)


def pickled_member(place: Place) -> None:
    """A model whose first array is a pickle."""
    array = io.BytesIO()
    np.save(array, np.array([Exploit(place.code)], dtype=object), allow_pickle=True)
    content = array.getvalue()
    place.armed(lambda: np.load(io.BytesIO(content), allow_pickle=True))

    def change(members: dict[str, bytes]) -> None:
        members[_array(members)] = content

    place.write("model.skops", rewritten((place.store / "model.skops").read_bytes(), change))


def model_of(module: str, name: str, *arguments: str) -> bytes:
    """Return a model that is a call, in skops' format."""
    words = [
        {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": w}
        | {"is_json": True}
        for w in map(json.dumps, arguments)
    ]
    call = {"__class__": name, "__module__": module, "__loader__": "ConstructorFromReduceNode"}
    call["content"] = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"}
    call["content"]["content"] = words
    whole = call | {"protocol": json.loads(_schema(skops.io.dumps(1)))["protocol"]}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("schema.json", json.dumps(whole))
    return made.getvalue()


def _schema(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("schema.json")


def executing(place: Place) -> None:
    """A model that is a call of exec."""
    content = model_of("builtins", "exec", place.code)
    asked = skops.io.get_untrusted_types(data=content)
    place.armed(lambda: skops.io.loads(content, trusted=asked))
    place.write("model.skops", content)


def trusting(place: Place) -> None:
    """The same, with a list that trusts it wherever MLflow or a careless reader would look."""
    executing(place)
    asked = skops.io.get_untrusted_types(file=place.store / "model.skops")
    flavor = {"flavors": {"sklearn": {"skops_trusted_types": asked}}}
    place.write("MLmodel", json.dumps(flavor).encode())
    place.write("trusted.json", json.dumps(asked).encode())


def borrowing(place: Place) -> None:
    """A model that is a call of what features.py only imports."""
    name = f"{PACKAGE}.features"
    content = model_of(name, "make_pipeline", "x")
    assert skops.io.get_untrusted_types(data=content) == [f"{name}.make_pipeline"]
    assert features.make_pipeline.__module__ != name
    place.write("model.skops", content)


def bomb(place: Place) -> None:
    """A model in which a small array becomes a huge one."""

    def change(members: dict[str, bytes]) -> None:
        members[_array(members)] = bytes(4 * verify.EXPANDED)

    content = rewritten((place.store / "model.skops").read_bytes(), change)
    assert len(content) < verify.EXPANDED
    place.write("model.skops", content)


def lying_bomb(place: Place) -> None:
    """A bomb that says of itself that it is small."""
    bomb(place)
    content = bytearray((place.store / "model.skops").read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = _array(dict.fromkeys(archive.namelist())).encode()
    # The size stands before the name: 8 bytes in front of the member, 22 in the directory.
    for size in (content.index(name) - 8, content.rindex(name) - 22):
        assert content[size : size + 4] == (4 * verify.EXPANDED).to_bytes(4, "little")
        content[size : size + 4] = (9).to_bytes(4, "little")
    place.write("model.skops", bytes(content))


def crowd(place: Place) -> None:
    """A model of many members."""
    crowded = {f"{number}.npy": b"" for number in range(verify.MEMBERS + 1)}
    content = (place.store / "model.skops").read_bytes()
    place.write("model.skops", rewritten(content, lambda members: members.update(crowded)))


def large(place: Place) -> None:
    """A file larger than any of ours."""
    with (place.store / "reference.json").open("ab") as file:
        file.truncate(files.LARGEST + 1)


def edited(place: Place) -> None:
    """A report that praises the model more, in the place of the true one."""
    text = (place.store / "evaluation.json").read_text()
    place.write("evaluation.json", text.replace("0.", "0.9", 1).encode())


def unsigned(place: Place) -> None:
    """A release without a signature."""
    (place.store / "manifest.sig").unlink()


def blank(place: Place) -> None:
    """A release with an empty signature."""
    place.write("manifest.sig", b"")


def resigned(place: Place) -> None:
    """Another answer, signed with a key of the attacker's."""
    edited(place)
    theirs = place.settings.project.root / "theirs"
    theirs.mkdir()
    place.sign()
    content = (place.store / "manifest.json").read_bytes()
    place.write("manifest.sig", keys.sign(content, theirs))


def pipe(place: Place) -> None:
    """A pipe that nobody writes to: who opens it waits for ever."""
    (place.store / "golden.json").unlink()
    os.mkfifo(place.store / "golden.json")


def link(place: Place) -> None:
    """A link to a file of this machine."""
    secret = place.settings.project.root / "secret"
    (place.store / "contract.yaml").rename(secret)
    (place.store / "contract.yaml").symlink_to(secret)


def endless_link(place: Place) -> None:
    """A link to a file that never ends."""
    (place.store / "golden.json").unlink()
    (place.store / "golden.json").symlink_to("/dev/zero")


def folder(place: Place) -> None:
    """A folder in the place of a file."""
    (place.store / "golden.json").unlink()
    (place.store / "golden.json").mkdir()


REFUSED = [
    (pickled, "model.skops is not the file that was signed"),
    (pickled_member, "model.skops is not the file that was signed"),
    (executing, "model.skops is not the file that was signed"),
    (trusting, "model.skops is not the file that was signed"),
    (edited, "evaluation.json is not the file that was signed"),
    (bomb, "model.skops is not the file that was signed"),
    (unsigned, "manifest.sig is missing"),
    (blank, "manifest.sig is not ours"),
    (resigned, "manifest.sig is not ours"),
    (large, "reference.json is larger than 33,554,432 bytes"),
    (pipe, "golden.json is not a regular file"),
    (link, "contract.yaml is not a regular file"),
    (endless_link, "golden.json is not a regular file"),
    (folder, "golden.json is not a regular file"),
]
REFUSED_SIGNED = [
    (pickled, "model.skops cannot be read: BadZipFile"),
    (pickled_member, "model.skops cannot be read: ValueError: Object arrays cannot be loaded"),
    (executing, "model.skops holds types that are not allowed: builtins.exec"),
    (trusting, "model.skops holds types that are not allowed: builtins.exec"),
    (borrowing, r"model.skops holds types that are not allowed: \w+.features.make_pipeline"),
    (bomb, "model.skops expands to more than 16,777,216 bytes"),
    (lying_bomb, "model.skops cannot be read: BadZipFile"),
    (crowd, "model.skops has more than 5,000 members"),
    (large, "reference.json is larger than 33,554,432 bytes"),
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the caps, so that what breaks them is made fast."""
    for module in (files, download):
        monkeypatch.setattr(module, "LARGEST", 2**25)
    monkeypatch.setattr(verify, "EXPANDED", 2**24)
    monkeypatch.setattr(verify, "MEMBERS", 5000)


@pytest.mark.usefixtures("small")
def test_the_same_registry_without_an_attack_is_read(place: Place) -> None:
    place.sign()
    release = place.fetch()
    assert len(bundle.holdout(release)) == release.manifest.test_rows
    assert len(bundle.trained_on(release)) == release.manifest.fitted_rows


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("attack", "said"), REFUSED)
def test_what_we_did_not_sign_is_refused_and_not_run(
    place: Place, attack: Callable[[Place], None], said: str
) -> None:
    attack(place)
    with pytest.raises(CheckFailed, match=f"^version 1: {said}"):
        place.fetch()
    assert not list((place.settings.project.root / "releases").iterdir())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("attack", "said"), REFUSED_SIGNED)
def test_what_is_dangerous_is_refused_and_not_run_even_if_we_signed_it(
    place: Place, attack: Callable[[Place], None], said: str
) -> None:
    attack(place)
    trusted = ["builtins.exec", f"{PACKAGE}.features.make_pipeline"]
    place.sign(trusted=trusted, skops_trusted_types=trusted)
    with pytest.raises(CheckFailed, match=f"^version 1: {said}"):
        place.fetch()


def test_a_type_that_features_defines_is_not_among_the_forbidden(place: Place) -> None:
    content = skops.io.dumps(features.DateParts())
    assert skops.io.get_untrusted_types(data=content) == [f"{PACKAGE}.features.DateParts"]
    place.write("model.skops", content)
    place.sign()
    with pytest.raises(CheckFailed, match=r"golden.json cannot be read"):
        place.fetch()


@pytest.mark.usefixtures("small")
def test_a_gzip_bomb_is_not_expanded_even_if_we_signed_it(place: Place) -> None:
    place.write("holdout.csv.gz", gzip.compress(bytes(4 * verify.EXPANDED)))
    place.sign()
    release = place.fetch()
    with pytest.raises(CheckFailed, match=r"holdout.csv.gz expands to more than 16,777,216 bytes"):
        bundle.holdout(release)


def test_fingerprints_that_are_a_pickle_are_not_loaded_even_if_we_signed_them(place: Place) -> None:
    array = io.BytesIO()
    np.save(array, np.array([Exploit(place.code)], dtype=object), allow_pickle=True)
    place.armed(lambda: np.load(io.BytesIO(array.getvalue()), allow_pickle=True))
    place.write("trained_on.npy", array.getvalue())
    place.sign()
    release = place.fetch()
    with pytest.raises(CheckFailed, match=r"trained_on.npy cannot be read: ValueError: Object"):
        bundle.trained_on(release)
    assert not place.canary.exists()


ABSURD = [
    b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"project": 1e999}',
]  # fmt: skip
ABSURD_FACTS: list[dict[str, Any]] = [
    {"classes": "yes"}, {"classes": [1]}, {"files": []}, {"files": {}}, {"run_id": None},
    {"files": {name: "" for name in (*files.FILES, "../../.bashrc")}},
    {"typical_row": 1}, {"test_sha256": None}, {"candidate": []}, {"rows": True},
]  # fmt: skip


@pytest.mark.parametrize("manifest", ABSURD)
def test_a_manifest_that_is_nonsense_is_refused_even_if_we_signed_it(
    place: Place, manifest: bytes
) -> None:
    place.say(manifest)
    with pytest.raises(CheckFailed, match=r"version 1: manifest.json makes no sense"):
        place.fetch()


@pytest.mark.parametrize("lineage", ABSURD_FACTS)
def test_a_manifest_with_absurd_facts_is_refused_even_if_we_signed_it(
    place: Place, lineage: dict[str, Any]
) -> None:
    place.sign(**lineage)
    with pytest.raises(CheckFailed, match=r"version 1: manifest.json makes no sense"):
        place.fetch()


@pytest.mark.parametrize("name", ["evaluation.json", "reference.json", "golden.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000])
def test_a_file_that_is_nonsense_is_refused_even_if_we_signed_it(
    place: Place, name: str, content: bytes
) -> None:
    place.write(name, content)
    place.sign()
    with pytest.raises(CheckFailed, match=f"version 1: {name} cannot be read"):
        place.fetch()


def test_each_of_400_flipped_bits_is_refused(place: Place) -> None:
    draw = random.Random(20)

    def read() -> None:
        bundle.read_release(place.store, place.settings.project, TRUST)

    read()
    for _ in range(400):
        path = place.store / draw.choice(files.NAMES)
        before = path.read_bytes()
        after = bytearray(before)
        after[draw.randrange(len(after))] ^= 1 << draw.randrange(8)
        path.write_bytes(after)
        with pytest.raises(CheckFailed, match=r"is not ours|is not the file that was signed"):
            read()
        path.write_bytes(before)
    read()


def second(place: Place) -> registry.Version:
    """Register the first release once more, in a run of its own."""
    settings = place.settings
    with settings.registry.start_run("again") as run:
        shutil.copytree(place.store, settings.project.root / "again")
        again = Place(settings, place.version, settings.project.root / "again", place.canary)
        again.sign(run_id=run.info.run_id)
        return settings.registry.register(run, again.store, "the first once more")


def test_a_release_that_we_signed_cannot_be_replayed_as_another_version(place: Place) -> None:
    version = second(place)
    place.registry.fetch(version)
    shutil.rmtree(place.settings.project.root / "releases")
    other = place.store.parents[2] / version.run_id / "artifacts" / "release"
    shutil.copytree(place.store, other, dirs_exist_ok=True)
    with pytest.raises(CheckFailed, match=f"version 2: the release is of run .* {version.run_id}"):
        place.registry.fetch(version)


def test_a_version_that_is_led_to_another_run_is_found_by_who_knows_its_hash(place: Place) -> None:
    version = second(place)
    known = place.registry.fetch(version).sha256
    place.sql("update model_versions set run_id = ? where version = 2", place.version.run_id)
    moved = place.registry.get(2)
    assert moved == registry.Version(2, place.version.run_id)
    place.registry.fetch(replace(version, sha256=known))
    with pytest.raises(CheckFailed, match=r"version 2: manifest.json has SHA-256 .* replayed"):
        place.registry.fetch(replace(moved, sha256=known))


@pytest.mark.parametrize("run_id", ["../../../etc", "/etc", "a/../.."])
def test_a_run_that_is_a_path_is_refused(place: Place, run_id: str) -> None:
    with pytest.raises(CheckFailed, match=r"version 1: .* is no id of a run"):
        place.registry.fetch(registry.Version(1, run_id))


def test_artifacts_led_to_a_folder_of_the_attackers_are_refused(place: Place) -> None:
    theirs = place.settings.project.root / "theirs" / "release"
    shutil.copytree(place.store, theirs)
    wanted = f"{place.store.parent.as_uri()}/../../../theirs"
    place.sql("update runs set artifact_uri = ?", wanted)
    place.fetch()
    shutil.rmtree(place.settings.project.root / "releases")
    (theirs / "model.skops").write_bytes(pickle.dumps(Exploit(place.code)))
    with pytest.raises(CheckFailed, match=r"model.skops is not the file that was signed"):
        place.fetch()


def registry_at(root: Path) -> str:
    """Return Python that opens the registry of a project as `r`."""
    return (
        "from pathlib import Path; from ml_lifecycle.project import Project;"
        f"from {registry.__name__} import Registry; from {PACKAGE}.candidates import TRUST;"
        f"p = Project.of(Path({str(root)!r}), {PACKAGE!r}); r = Registry(p, TRUST);"
    )


LOADER = """
flavors:
  python_function:
    loader_module: evil
    code: code
    data: model.skops
"""
SHADOW = """
flavors:
  python_function:
    loader_module: mlflow.sklearn
    code: code
    model_path: model.skops
  sklearn:
    code: code
    pickled_model: model.skops
    serialization_format: skops
    sklearn_version: "1"
"""


@pytest.mark.parametrize(
    ("mlmodel", "file"), [(LOADER, "code/evil.py"), (SHADOW, "code/sklearn/__init__.py")]
)
def test_code_that_mlflow_would_run_lies_beside_the_release_and_is_not_even_fetched(
    place: Place, mlmodel: str, file: str
) -> None:
    place.write("MLmodel", mlmodel.encode())
    place.write(file, f"{place.code}\n_load_pyfunc = lambda path: None\n".encode())
    load = f"import mlflow; mlflow.pyfunc.load_model({str(place.store)!r})"
    place.armed(lambda: subprocess.run([sys.executable, "-c", load], capture_output=True))
    # Libraries are imported already here; a new process could be led to others.
    reader = (
        f"{registry_at(place.settings.project.root)}"
        f"from {registry.__name__} import Version; r.fetch(Version(1, {place.version.run_id!r}))"
    )
    subprocess.run([sys.executable, "-c", reader], check=True, cwd=place.store)
    names = {path.name for path in place.fetch().path.iterdir()}
    assert names == set(files.NAMES)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"flavors: [[[", b"flavors: {a: &a [*a]}"])
def test_an_mlmodel_that_is_nonsense_makes_no_difference(place: Place, content: bytes) -> None:
    place.write("MLmodel", content)
    assert place.fetch().manifest.run_id == place.version.run_id


def test_a_copy_that_was_changed_is_set_aside_and_fetched_anew(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    copy = place.fetch().path
    assert place.fetch().path == copy
    assert not caplog.records
    (copy / "golden.json").write_text("{}")
    assert place.fetch().path == copy
    assert "version 1: its copy is set aside: golden.json is not the file" in caplog.text
    (aside,) = copy.parent.glob("*.refused-*")
    assert (aside / "golden.json").read_text() == "{}"
    place.fetch()


def test_a_copy_that_was_changed_is_an_error_only_if_no_other_comes(place: Place) -> None:
    copy = place.fetch().path
    (copy / "golden.json").write_text("{}")
    shutil.rmtree(place.store)
    with pytest.raises(CheckFailed, match=r"version 1: manifest.json is missing.*; the copy in"):
        place.fetch()
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_a_file_that_changes_after_the_loading_is_not_believed(place: Place) -> None:
    release = place.fetch()
    rows = len(bundle.holdout(release))
    text = (release.path / "holdout.csv.gz").read_bytes()
    (release.path / "holdout.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(CheckFailed, match=r"holdout.csv.gz is not the file that was signed"):
        bundle.holdout(release)
    (release.path / "holdout.csv.gz").write_bytes(text)
    assert len(bundle.holdout(release)) == rows


class Server:
    """As much of MLflow's server as a fetch needs, which may misbehave over `model.skops`."""

    def __init__(self, place: Place) -> None:
        self.place, self.mode, self.asked = place, "honest", []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path.partition("?")[0].rpartition("/")[2])
                outer.answer(self)

            def do_POST(self) -> None:
                self.send_error(404)

            def log_message(self, *words: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, request: Any) -> None:
        name = self.asked[-1]
        if name == "get":
            where = {"artifact_uri": "mlflow-artifacts:/1/artifacts", "status": "FINISHED"}
            times = {"start_time": 1, "lifecycle_stage": "active", "experiment_id": "1"}
            info = where | times | {"run_id": self.place.version.run_id}
            body = json.dumps({"run": {"info": info, "data": {}}}).encode()
        elif name not in files.NAMES or (name, self.mode) == ("manifest.sig", "unsigned"):
            # A listing too is not there: an attacker's could hold names like ../../.bashrc.
            return request.send_error(404)
        else:
            body = (self.place.store / name).read_bytes()
        request.send_response(200)
        request.send_header(
            "Content-Length", 2**40 if name == "model.skops" and self.bad else len(body)
        )
        request.end_headers()
        with contextlib.suppress(OSError):
            self.send(request.wfile, name, body)

    @property
    def bad(self) -> bool:
        return self.mode in ("drip", "endless")

    def send(self, wire: Any, name: str, body: bytes) -> None:
        while name == "model.skops" and self.bad:
            wire.write(b"x" if self.mode == "drip" else bytes(2**20))
            if self.mode == "drip":
                threading.Event().wait(0.05)
        wire.write(body)


@pytest.fixture
def server(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(place)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.url)
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_files_come_by_http_until_a_server_drips_and_then_the_deadline_holds(
    place: Place, server: Server
) -> None:
    started = time.monotonic()
    copy = place.fetch().path
    spent = time.monotonic() - started
    assert {path.name for path in copy.iterdir()} == set(files.NAMES)
    shutil.rmtree(copy)
    server.asked.clear()
    server.mode = "drip"
    with pytest.raises(WorldBroken, match="version 1: it does not come whole within"):
        place.fetch(seconds=2 * spent + 2)
    assert server.asked[-1] == "model.skops"
    assert not list(copy.parent.iterdir())


def test_a_server_is_never_asked_what_files_there_are(place: Place, server: Server) -> None:
    place.fetch()
    assert [name for name in server.asked if name in ("artifacts", *files.NAMES)] == [*files.NAMES]
    uri = f"runs:/{place.version.run_id}/release"
    with pytest.raises(Exception, match="release"):
        mlflow.artifacts.download_artifacts(uri, tracking_uri=server.url)
    assert "artifacts" in server.asked


def test_a_file_that_never_ends_is_cut_at_the_cap_whatever_the_server_says(
    place: Place, server: Server, small: None
) -> None:
    server.mode = "endless"
    with pytest.raises(CheckFailed, match=r"version 1: model.skops is larger than 33,554,432"):
        place.fetch()


def test_a_file_that_a_server_does_not_have_is_missing(place: Place, server: Server) -> None:
    server.mode = "unsigned"
    with pytest.raises(CheckFailed, match=r"version 1: manifest.sig is missing"):
        place.fetch()


def test_a_registry_that_is_down_is_said_without_the_password(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:secret@127.0.0.1:9")
    with pytest.raises(WorldBroken, match="version 1: it cannot be fetched") as caught:
        place.fetch()
    assert "secret" not in str(caught.value)


def test_a_training_that_ends_half_way_leaves_a_run_that_is_marked_failed(place: Place) -> None:
    opened = place.registry
    with pytest.raises(KeyboardInterrupt), opened.start_run("half") as run:
        raise KeyboardInterrupt
    assert opened.client().get_run(run.info.run_id).info.status == "FAILED"


def test_two_first_trainings_do_not_break_each_others_registry(tmp_path: Path) -> None:
    opening = (
        f"{registry_at(tmp_path)} from {client.__name__} import experiment_id;"
        "print(flush=True); input(); c = r.client(); print(flush=True); input();"
        "print(experiment_id(p, c))"
    )
    command = [sys.executable, "-c", opening]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for _ in ("open", "make the experiment"):
        for process in both:
            process.stdout.readline()
        for process in both:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write("\n")
                process.stdin.flush()
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0] == said[1]
