"""A polled directory of profiles."""

import os
from pathlib import Path

from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.values.settings import LimitSettings


def a_profile(model: str = "m", version: str = "1", rows: int = 30) -> Profile:
    """Return a profile of one column."""
    return build_profile(lambda: [Row({"x": at, "y": at}) for at in range(rows)], model=model, version=version)


def write(path: Path, profile: Profile) -> None:
    """Put a profile into a file, with a time of change of its own."""
    path.write_bytes(profile_to_json(profile))
    os.utime(path, ns=(profile.rows, profile.rows))


def test_profiles_are_found_by_content(tmp_path: Path) -> None:
    """Whatever the files are called, the profiles come by model and version; other files are no business."""
    write(tmp_path / "z.json", a_profile("a"))
    write(tmp_path / "a.json", a_profile("b"))
    (tmp_path / "notes.txt").write_text("not a profile")
    (tmp_path / ".hidden.json").write_text("not a profile")
    polled = ProfileDirectory(tmp_path).poll()
    assert (polled.changed, [p.model for p in polled.profiles], polled.errors) == (True, ["a", "b"], ())


def test_poll_tells_whether_profiles_changed(tmp_path: Path) -> None:
    """A poll is a change when the profiles are others than before: added, replaced or removed."""
    directory = ProfileDirectory(tmp_path)
    assert not directory.poll().changed
    write(tmp_path / "p.json", a_profile())
    assert directory.poll().changed
    assert not directory.poll().changed
    write(tmp_path / "p.json", a_profile(rows=40))
    assert directory.poll().changed
    (tmp_path / "p.json").unlink()
    polled = directory.poll()
    assert (polled.changed, polled.profiles) == (True, ())


def test_unreadable_file_fails_alone(tmp_path: Path) -> None:
    """A broken file is an error at every poll; the others are read."""
    (tmp_path / "broken.json").write_text("{")
    write(tmp_path / "good.json", a_profile())
    (tmp_path / "folder.json").mkdir()
    directory = ProfileDirectory(tmp_path)
    for _ in range(2):
        polled = directory.poll()
        assert [p.model for p in polled.profiles] == ["m"]
        assert [Path(error.profile).name for error in polled.errors] == ["broken.json", "folder.json"]


def test_half_written_file_takes_no_profile_away(tmp_path: Path) -> None:
    """What a file held before it broke stays in force, with the error."""
    directory = ProfileDirectory(tmp_path)
    write(tmp_path / "p.json", a_profile())
    before = directory.poll().profiles
    (tmp_path / "p.json").write_bytes(profile_to_json(a_profile(rows=40))[:100])
    polled = directory.poll()
    assert (polled.changed, polled.profiles, len(polled.errors)) == (False, before, 1)


def test_two_files_for_one_version_are_an_error(tmp_path: Path) -> None:
    """Of two different profiles for a model and version the first by file name holds; the error names both."""
    write(tmp_path / "a.json", a_profile())
    write(tmp_path / "b.json", a_profile(rows=40))
    write(tmp_path / "c.json", a_profile())
    polled = ProfileDirectory(tmp_path).poll()
    assert [p.rows for p in polled.profiles] == [30]
    assert [str(error) for error in polled.errors] == [
        f"{tmp_path / 'b.json'}: model 'm' version '1' is already in a.json: remove one of the two"
    ]


def test_missing_directory_is_an_error(tmp_path: Path) -> None:
    """A directory that is not there is reported and gives no profiles."""
    polled = ProfileDirectory(tmp_path / "none").poll()
    assert (polled.changed, polled.profiles) == (False, ())
    assert [error.reason for error in polled.errors] == [
        "the directory of profiles cannot be read: No such file or directory"
    ]


def test_profile_over_the_column_limit_is_refused(tmp_path: Path) -> None:
    """A profile with more columns than limits.columns is an error that says so."""
    write(tmp_path / "p.json", a_profile())
    polled = ProfileDirectory(tmp_path, LimitSettings(columns=1)).poll()
    assert polled.profiles == ()
    assert [error.reason for error in polled.errors] == ["2 columns are more than limits.columns = 1"]
