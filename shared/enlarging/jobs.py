"""Which photos the arguments of the command mean, and where their results go.

Introduced in lesson 06.
"""

import glob
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from shared.enlarging import messages
from shared.images import files

# Pictures by their suffix, for which a folder's list says that they are left out.
PICTURES = (".ai", ".arw", ".cr2", ".cr3", ".dng", ".emf", ".eps", ".exr", ".hdr", ".heic",
            ".heif", ".hif", ".ico", ".j2k", ".jp2", ".jxl", ".nef", ".orf", ".pcx", ".pdf", ".psd",
            ".raf", ".raw", ".rw2", ".svg", ".tga", ".wmf", ".xcf")


@dataclass(frozen=True)
class Job:
    """One photo to enlarge.

    Args:
        source: the file with the photo.
        target: the file to write.
        alone: True if this one photo was named. Then it is an error if ``target`` exists;
            otherwise it was made before, and is left as it is.
    """

    source: Path
    target: Path
    alone: bool


def listed(options, parser):
    """The list of ``Job`` that the arguments ask for, and how many names failed.

    Ends with wrong usage if several photos would go into one file.
    """
    found, failures, several = [], 0, len(options.photos) > 1
    for name in options.photos:
        try:
            photos, many = _photos(name, options)
        except Exception as error:
            failures += messages.failed(name, error)
            continue
        found += photos
        several |= many
    output = Path(options.output) if options.output is not None else None
    if output and _is_file_name(options.output):
        if several:
            parser.error(f"-o {output} is one file, and there are several photos: name a folder")
        if options.format and files.WRITABLE[output.suffix.lower()] != \
                files.WRITABLE[f".{options.format}"]:
            parser.error(f"-o {output} is not of the --format {options.format}")
        return [Job(source, output, True) for source, _ in found], failures
    jobs, taken = {}, {}
    # Photos that keep their suffix choose first: a.bmp beside a.png becomes a_bmp_x2.png.
    for photo in sorted(found, key=lambda photo: _suffix(photo[0], options) != photo[0].suffix):
        source, folder = photo
        target = folder / _result_name(source, options)
        if taken.get(_same_place(target), source) != source and \
                target.suffix.lower() != source.suffix.lower():
            target = folder / _result_name(source, options, f"_{source.suffix[1:].lower()}")
        other = taken.setdefault(_same_place(target), source)
        if other is source:
            jobs[photo] = Job(source, target, not several)
        elif _same_place(other) != _same_place(source):
            failures += messages.failed(source, ValueError(
                f"{target} holds the result of another photo of this call, {other}"))
    return [jobs[photo] for photo in dict.fromkeys(found) if photo in jobs], failures


def _photos(name, options):
    """The photos that an argument means, as pairs (photo, folder of its result).

    Also returns whether there may be several of them. Prints what is left out of a folder.

    Raises ValueError if there are none, and OSError if a folder cannot be read.
    """
    if not name or "\0" in name:
        raise ValueError(f"expected the name of a photo or a folder, found {name!r}")
    path = Path(name)
    if re.search(r"[*?\[]", name) and not os.path.lexists(name):
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]
        if not matches:
            raise ValueError("no file has a name like this")
        pairs = [pair for folder in matches if folder.is_dir()
                 for pair in _photos_below(folder, options)]
        beside = [match for match in matches if not match.is_dir()]
        pairs += [(photo, Path(options.output or photo.parent))
                  for photo in _without_other_files(name, beside)]
    elif path.is_dir():
        pairs = _photos_below(path, options)
    else:
        return [(path, Path(options.output or path.parent))], False
    # A result of this command in the same folder is no photo to enlarge again.
    made = {_same_place(result) for photo, folder in pairs
            for result in results(Job(photo, folder / _result_name(photo, options), False),
                                  options)}
    return [pair for pair in pairs if _same_place(pair[0]) not in made], True


def _photos_below(path, options):
    """Pairs (photo, folder of its result) of all photos in a folder and in those inside it."""
    top = Path(options.output or path.resolve().with_name(path.resolve().name + _ending(options)))
    if top.exists() and not top.is_dir():
        raise ValueError(f"{top} is a file: choose another folder with -o")
    names, inside = [], top.exists() and not os.path.samefile(path, top)
    for folder, folders, inner in os.walk(path, onerror=_not_listed):
        folder = Path(folder)
        folders[:] = sorted(name for name in folders if name[0] != "." and not (
            inside and os.path.samefile(folder / name, top)))
        names += [folder / name for name in sorted(inner) if name[0] != "."]
    photos = _without_other_files(path, names)
    if not photos:
        raise ValueError(f"no pictures in this folder ({', '.join(files.READABLE)})")
    return [(photo, top / photo.relative_to(path).parent) for photo in photos]


def _not_listed(error):
    """Tell that a folder inside a folder cannot be read; the others are done."""
    messages.failed(error.filename, error)


def _without_other_files(place, names):
    """Those of the files whose suffix is that of a picture; prints which others there are."""
    photos, others = [], Counter()
    for name in names:
        suffix = name.suffix.lower()
        if suffix in files.READABLE or suffix in PICTURES:
            photos.append(name)  # reading it tells what is wrong with it
        else:
            others[suffix or "without a suffix"] += 1
    if others and photos:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common())
        messages.say(f"zoom: {place}: left out what is not a picture: {messages.short(kinds)}")
    return photos


def _is_file_name(output):
    """Whether ``-o`` names a picture file, not a folder."""
    return (not output.endswith(("/", os.sep)) and not os.path.isdir(output)
            and Path(output).suffix.lower() in files.WRITABLE)


def _ending(options):
    """What the names of results end with."""
    return f"_w{options.width}" if options.width else f"_x{options.scale or 2:g}"


def _suffix(photo, options):
    """The suffix of the result of a photo: that of the photo, if it can be written."""
    if options.format:
        return f".{options.format}"
    return photo.suffix if photo.suffix.lower() in files.WRITABLE else ".png"


def _result_name(photo, options, more=""):
    """The name of the file with the result of a photo."""
    region = "_at_{}_{}".format(*options.at) if options.at else ""
    return photo.stem + more + region + _ending(options) + _suffix(photo, options)


def results(job, options):
    """The files that a job writes: the result and, if wanted, its comparison."""
    if not options.compare:
        return [job.target]
    comparison = job.target.with_name(
        f"{job.target.stem}_compare{'.html' if options.compare == 'page' else job.target.suffix}")
    return [job.target, comparison]


def missing(job, options):
    """Those of the ``results`` that do not exist yet."""
    return [path for path in results(job, options) if not os.path.lexists(path)]


def to_write(job, options):
    """Those of the ``results`` that this call writes.

    In a folder they are those that are missing. Of one photo they are all, so that one which
    exists is an error, unless only the comparison is missing, as after a kill.
    """
    everything, absent = results(job, options), missing(job, options)
    only_comparison = absent == everything[1:] != []
    return everything if options.overwrite or (job.alone and not only_comparison) else absent


def _same_place(path):
    """A text that is equal for two names of one place."""
    return os.path.normcase(os.path.realpath(path))


def identity(path):
    """What two names of one file have in common, or None if there is no such file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
