"""New files: nothing is half written, and nothing replaced without permission."""

import errno
import os
import stat

import pytest
from making import names, noise

from shared.images import files, new_files
from shared.images.files import Picture, read_picture, write_picture

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   KeyboardInterrupt()], ids=["full disk", "interrupted"])
@pytest.mark.parametrize("suffix", files.WRITABLE)
def test_what_fails_while_writing_leaves_the_folder_as_it_was(tmp_path, monkeypatch, error, suffix):
    (tmp_path / f"a{suffix}").write_text("mine")

    def fsync(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("a", "b"):
        with pytest.raises(type(error)):
            write_picture(tmp_path / (name + suffix), Picture(noise(4, 5)), overwrite=True)
    assert names(tmp_path) == [f"a{suffix}"] and (tmp_path / f"a{suffix}").read_text() == "mine"


@pytest.mark.parametrize("links", [True, False])
def test_no_file_is_replaced_even_if_it_appears_while_another_is_written(tmp_path, monkeypatch,
                                                                         links):
    target = tmp_path / "a.png"
    if not links:
        def link(*arguments):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    write_picture(tmp_path / "b.png", Picture(noise(4, 5)))
    assert read_picture(tmp_path / "b.png").pixels.shape == (4, 5, 3)
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (target.write_text("mine"), fsync(number)))
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_picture(target, Picture(noise(4, 5)))
    assert target.read_text() == "mine" and names(tmp_path) == ["a.png", "b.png"]


@POSIX
def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path):
    name = "a" * 247 + ".png"
    write_picture(tmp_path / name, Picture(noise(4, 5)))
    assert names(tmp_path) == [name]


@POSIX
def test_a_replaced_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    for mode in (0o600, 0o664):
        (tmp_path / "a.png").chmod(mode)
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)), overwrite=True)
        assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode


@POSIX
def test_of_a_link_the_file_is_replaced_that_it_leads_to(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "real.png").write_text("old")
    (tmp_path / "a.png").symlink_to(tmp_path / "other" / "real.png")
    with pytest.raises(FileExistsError):
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    write_picture(tmp_path / "a.png", Picture(noise(4, 5)), overwrite=True)
    assert (tmp_path / "a.png").is_symlink()
    assert read_picture(tmp_path / "other" / "real.png").pixels.shape == (4, 5, 3)
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for overwrite in (False, True):
        with pytest.raises(OSError):
            write_picture(tmp_path / "loop.png", Picture(noise(4, 5)), overwrite)


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_stays(tmp_path):
    left = tmp_path / ".zoom-0123456789abcdef.part"
    others = [".zoom-0123456789abcdef", ".zoom-0123456789ABCDEF.part", "a.part", ".a.part",
              ".zoom-0123456789abcdef0.part"]
    for path in (left, *(tmp_path / name for name in others)):
        path.write_bytes(b"half a pict")
    os.utime(left, (0, 0))  # long ago, which counts on Windows
    with new_files.moved_to(tmp_path / "a.png", overwrite=False) as file:
        file.write(b"whole")
        new_files.remove_left_over(tmp_path)
        assert not left.exists()
        (part,) = set(names(tmp_path)) - set(others)
        assert new_files.PART.fullmatch(part)
    assert (tmp_path / "a.png").read_bytes() == b"whole"
    assert names(tmp_path) == sorted([*others, "a.png"])


@POSIX
def test_only_files_are_removed_and_nothing_waits(tmp_path):
    (tmp_path / "mine").write_text("mine")
    name = tmp_path / ".zoom-0123456789abcde0.part"
    name.symlink_to("mine")
    os.mkfifo(tmp_path / ".zoom-0123456789abcde1.part")
    (tmp_path / ".zoom-0123456789abcde2.part").mkdir()
    new_files.remove_left_over(tmp_path)
    assert len(names(tmp_path)) == 4 and (tmp_path / "mine").read_text() == "mine"
    new_files.remove_left_over(tmp_path / "missing")
    new_files.remove_left_over(tmp_path / "mine")


@POSIX
def test_a_part_that_is_taken_for_one_left_behind_is_written_again(tmp_path, monkeypatch):
    lock, taken = new_files._lock, []

    def removed_first(handle):
        if not taken:
            taken.append(handle)
            new_files.remove_left_over(tmp_path)
        lock(handle)

    monkeypatch.setattr(new_files, "_lock", removed_first)
    with new_files.moved_to(tmp_path / "a.png", overwrite=False) as file:
        file.write(b"whole")
    assert names(tmp_path) == ["a.png"] and (tmp_path / "a.png").read_bytes() == b"whole"


@POSIX
def test_where_nothing_can_be_locked_files_are_written_and_none_is_removed(tmp_path, monkeypatch):
    def no_lock(handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(new_files, "_lock", no_lock)
    (tmp_path / ".zoom-0123456789abcdef.part").touch()
    write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    new_files.remove_left_over(tmp_path)
    assert names(tmp_path) == [".zoom-0123456789abcdef.part", "a.png"]
