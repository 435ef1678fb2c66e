"""Rules that the project keeps about itself: sizes, names, links, and documents that must agree with the code."""

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import driftd.errors
from driftd.config.model import Config
from driftd.config.schema import section_at
from driftd.metrics.catalogue import CATALOGUE
from driftd.values.keys import Reason

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "driftd"
LONGEST_MODULE = 400
PARTS_OF_OTHERS = {"pydantic-core"}  # pydantic pins it exactly, and has its public names there

# Addresses that a file may name: of examples, of this machine, of standards, and made up by tests.
ADDRESS = re.compile(r"https?://([\w.-]+)")
KNOWN_HOSTS = re.compile(
    r"(?:\w+[.])*example[.]org|127[.]0[.]0[.]1|github[.]com|json-schema[.]org"
    r"|localhost|semver[.]org|www[.]apache[.]org|\w+"
)
MACHINE_PATHS = re.compile(r"(?<![\w.*-])/(?:work|tmp|root|home|Users)/\w")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKE_TARGET = re.compile(r"(?:^|`)(?:\$ )?make ([a-z][a-z -]*[a-z])", re.MULTILINE)
METRIC = re.compile(r"`(driftd_\w*[a-z])`")
SETTING = re.compile(r"`([a-z_]+)\.([a-z_]+)`")
RUST = re.compile(r"\b(?:Rust|cargo) (\d+\.\d+)")
TREE_LINE = re.compile(r"^ {4}((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+)", re.MULTILINE)


def tracked_files() -> list[Path]:
    """Return every file that is, or is about to be, under version control."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Return a file's text, empty for what is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def documents() -> list[Path]:
    """Return the pages that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def named(path: Path) -> str:
    """Return a path as it is written in messages."""
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def crate() -> dict[str, Any]:
    """Return the kernel's Cargo.toml."""
    return tomllib.loads((ROOT / "src" / "kernel" / "Cargo.toml").read_text(encoding="utf-8"))


def requirements(pyproject: dict[str, Any]) -> Iterator[str]:
    """Return the name of everything that is ever installed for the project, as it is written there."""
    project = pyproject["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for group in [*groups, *pyproject["dependency-groups"].values()]:
        yield from (re.split(r"[^\w.-]", requirement)[0] for requirement in group)


def test_every_module_is_short_enough_to_be_read_at_once() -> None:
    """No module of the package, and no test file, has more than 400 lines."""
    python = [path for path in tracked_files() if path.suffix == ".py"]
    assert {named(path): lines for path in python if (lines := len(text_of(path).splitlines())) > LONGEST_MODULE} == {}


def test_no_file_names_an_address_that_is_not_known_or_a_path_of_some_machine() -> None:
    """What is under version control works anywhere: it names no registry's host and nobody's folders."""
    found = {}
    for path in tracked_files():
        text = text_of(path)
        unknown = [host for host in ADDRESS.findall(text) if not KNOWN_HOSTS.fullmatch(host.rstrip("."))]
        found[named(path)] = sorted({*unknown, *(match[0] for match in MACHINE_PATHS.finditer(text))})
    assert {name: matches for name, matches in found.items() if matches} == {}


def test_files_of_tests_have_names_of_their_own() -> None:
    """The tests are not a package, so two files of one name would be one module; that holds for conftest.py too."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name, files in names.items() if files > 1] == []


def test_package_says_that_it_is_typed() -> None:
    """Type checkers of users look for this file."""
    assert (PACKAGE / "py.typed").is_file()


def test_every_dependency_is_argued_for(pyproject: dict[str, Any]) -> None:
    """Whatever pyproject.toml asks for has a row in decision 2, and nothing else has."""
    decision = text_of(ROOT / "docs" / "decisions" / "0002-dependencies.md")
    assert sorted(re.findall(r"^\| `([\w.-]+)` \|", decision, re.MULTILINE)) == sorted(requirements(pyproject))


def test_every_imported_package_is_declared(pyproject: dict[str, Any]) -> None:
    """The package imports nothing that merely happens to come with something else."""
    distributions = importlib.metadata.packages_distributions()
    declared = {_normal(name) for name in requirements({**pyproject, "dependency-groups": {}})} | PARTS_OF_OTHERS
    imported = {
        (module.split(".")[0], named(path))
        for path in PACKAGE.rglob("*.py")
        for module in _imports(ast.parse(text_of(path)))
    }
    foreign = {(top, path) for top, path in imported if top not in sys.stdlib_module_names and top != "driftd"}
    assert (
        sorted(
            (top, path)
            for top, path in foreign
            if not {_normal(name) for name in distributions.get(top, [])} & declared
        )
        == []
    )


def test_only_one_module_knows_the_compiled_kernel() -> None:
    """Everything else asks summarise/choice which one runs. Import contracts do not see compiled modules."""
    knowing = {
        named(path)
        for path in PACKAGE.rglob("*.py")
        for module in _imports(ast.parse(text_of(path)), members=True)
        if module.startswith("driftd._kernel")
    }
    assert knowing == {"src/driftd/summarise/compiled.py"}


def test_everything_the_kernel_is_built_with_is_argued_for(pyproject: dict[str, Any], crate: dict[str, Any]) -> None:
    """Each requirement of the build and each crate has a row in decision 11, and nothing else has."""
    decision = text_of(ROOT / "docs" / "decisions" / "0011-compiled-kernel.md")
    build = {re.split(r"[^\w.-]", requirement)[0] for requirement in pyproject["build-system"]["requires"]}
    assert set(re.findall(r"^\| `([\w.-]+)` \|", decision, re.MULTILINE)) == build | set(_crates(crate))


def test_crates_are_pinned_exactly(crate: dict[str, Any]) -> None:
    """There is no lock file, since one would name a registry's host."""
    pins = {name: wanted if isinstance(wanted, str) else wanted["version"] for name, wanted in _crates(crate).items()}
    assert {name: version for name, version in pins.items() if not re.fullmatch(r"=\d+\.\d+\.\d+", version)} == {}
    assert [named(path) for path in tracked_files() if path.name == "Cargo.lock"] == []


def test_kernel_has_the_version_of_driftd(pyproject: dict[str, Any], crate: dict[str, Any]) -> None:
    """They are released as one."""
    assert crate["package"]["version"] == pyproject["project"]["version"]


def test_documents_name_the_rust_that_the_kernel_takes(crate: dict[str, Any]) -> None:
    """Wherever a version of Rust is named, it is the least one that the crate compiles with."""
    named_there = {(version, named(page)) for page in documents() for version in RUST.findall(text_of(page))}
    assert {"docs/operations.md"} <= {page for _, page in named_there}
    assert {version for version, _ in named_there} == {crate["package"]["rust-version"]}


def _crates(crate: dict[str, Any]) -> dict[str, Any]:
    """Return what the crate is built and tested with, by name."""
    return {**crate["dependencies"], **crate.get("dev-dependencies", {})}


def _normal(name: str) -> str:
    """Return a distribution's name in the one spelling that can be compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _imports(tree: ast.AST, *, members: bool = False) -> Iterator[str]:
    """Yield the modules that are imported, with ``members`` also what is imported from them: it may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            if members:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_changelog_has_a_place_for_what_comes_next() -> None:
    """The newest section is the one for changes that no release has yet."""
    sections = re.findall(r"^## (.+)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == "Unreleased"


def test_relative_links_of_documents_lead_somewhere() -> None:
    """Every link to a file of the project names one that exists, and a heading that is in it."""
    assert [
        f"{named(page)}: {link}"
        for page in documents()
        for link in LINK.findall(text_of(page))
        if not link.startswith(("http://", "https://")) and not _leads_somewhere(page, link)
    ] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not anchor or anchor in {
        _anchor(heading) for heading in re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
    }


def _anchor(heading: str) -> str:
    """Return the name that a heading can be linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_document_is_in_the_index() -> None:
    """docs/README.md leads to each page below docs, by way of a folder's own README.md where it has one."""
    pages = set((ROOT / "docs").rglob("*.md"))
    indexes = [ROOT / "docs" / "README.md", *(ROOT / "docs").glob("*/README.md")]
    linked = {(index.parent / link).resolve() for index in indexes for link in LINK.findall(text_of(index))}
    assert sorted(named(page) for page in pages - linked - {indexes[0]}) == []


def test_decisions_are_numbered_without_gaps() -> None:
    """The numbers say the order in which choices were made, and the title repeats its number."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [(int(page.name[:4]), int(re.findall(r"\A# (\d+)\. ", text_of(page))[0])) for page in pages]
    assert numbers == [(number, number) for number in range(1, len(pages) + 1)]


def test_documented_make_targets_exist() -> None:
    """Every `make` command in the documents names targets of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    mentioned = {
        target for page in documents() for words in MAKE_TARGET.findall(text_of(page)) for target in words.split()
    }
    assert {"demo", "test"} <= mentioned
    assert sorted(mentioned - targets) == []


def test_documented_metrics_exist() -> None:
    """Every metric that a document names is in the catalogue."""
    exported = {metric.name for metric in CATALOGUE}
    mentioned = {(name, named(page)) for page in documents() for name in METRIC.findall(text_of(page))}
    assert sorted((name, page) for name, page in mentioned if name not in exported) == []


def test_documented_settings_exist() -> None:
    """Every `section.key` that a document names is a setting."""
    unknown = []
    for page in documents():
        for section, key in SETTING.findall(text_of(page)):
            settings = section_at(Config, [section]) if section in Config.model_fields else None
            if settings is not None and key not in settings.model_fields:
                unknown.append(f"{named(page)}: {section}.{key}")
    assert unknown == []


def test_tree_of_errors_is_drawn_as_it_is() -> None:
    """The docstring of driftd.errors shows each class under its base class, and no other."""
    drawn: dict[str, str] = {}
    above = ["Exception"]
    for branch, name in TREE_LINE.findall(driftd.errors.__doc__ or ""):
        above = [*above[: len(branch) // 4 + 1], name]
        drawn[name] = above[-2]
    classes = {
        name: found.__bases__[0].__name__
        for name, found in inspect.getmembers(driftd.errors, inspect.isclass)
        if found.__module__ == "driftd.errors" and issubclass(found, Exception)
    }
    assert drawn == classes


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_for_rejecting_an_event_is_documented(reason: Reason) -> None:
    """docs/events.md names each member of the closed set."""
    assert f"`{reason}`" in text_of(ROOT / "docs" / "events.md")
