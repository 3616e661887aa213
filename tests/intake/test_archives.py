"""Walking archives and folders: order, names, caps, and one bad member that harms no other."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile

import pytest

from labeler.intake.archives import (
    ArchiveTooLarge,
    Caps,
    clean_name,
    iterate,
    iterate_archive,
    iterate_folder,
)
from labeler.intake.check import Refused


def zip_of(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    out.seek(0)
    return out


def tar_of(files: dict[str, bytes], pack=bytes) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return io.BytesIO(pack(out.getvalue()))


def read_all(members) -> dict[str, bytes | str]:
    """Name -> bytes, or the reason of its refusal."""
    result: dict[str, bytes | str] = {}
    for member in members:
        try:
            result[member.name] = member.read()
        except ArchiveTooLarge:
            raise
        except Refused as refusal:
            result[member.name] = refusal.reason
    return result


def read_until_refused(members) -> tuple[dict[str, bytes], str]:
    """What came before the archive as a whole was refused, and the reason ("" when it never was)."""
    seen: dict[str, bytes] = {}
    try:
        for member in members:
            seen[member.name] = member.read()
    except Refused as refusal:
        return seen, refusal.reason
    return seen, ""


FILES = {"b/2.jpg": b"two", "a/1.jpg": b"one", "a/10.jpg": b"ten", "top.png": b"top"}
PACKINGS = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


def test_a_zip_is_walked_by_name():
    members = list(iterate_archive(zip_of(FILES)))
    assert [member.name for member in members] == ["a/1.jpg", "a/10.jpg", "b/2.jpg", "top.png"]
    assert read_all(iterate_archive(zip_of(FILES))) == FILES


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_a_tar_is_walked_in_its_own_order(pack):
    assert list(read_all(iterate_archive(tar_of(FILES, pack))).items()) == list(FILES.items())


def test_a_folder_is_walked_by_name_and_links_to_folders_are_not_followed(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "loop").symlink_to(tmp_path)
    members = list(iterate(tmp_path))
    assert [member.name for member in members] == ["top.png", "a/1.jpg", "a/10.jpg", "b/2.jpg"]
    assert read_all(iterate(tmp_path)) == FILES


def test_an_archive_on_disk_is_recognised_by_its_bytes(tmp_path):
    for number, content in enumerate((zip_of(FILES), tar_of(FILES), tar_of(FILES, gzip.compress))):
        path = tmp_path / f"{number}.dat"
        path.write_bytes(content.getvalue())
        assert read_all(iterate(path)) == FILES


JUNK = dict.fromkeys(
    ["__MACOSX/a/._1.jpg", ".DS_Store", "a/.hidden.jpg", "Thumbs.db", "a/desktop.ini", "labels.csv",
     "a/1.txt", ".git/a.png"], b"x")  # fmt: skip


def test_what_lies_beside_images_is_passed_over(tmp_path):
    assert read_all(iterate_archive(zip_of(JUNK | FILES))) == FILES
    assert read_all(iterate_archive(tar_of(JUNK | FILES))) == FILES
    for name in JUNK:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"x")
    assert read_all(iterate_folder(tmp_path)) == {}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd.jpg", "etc/passwd.jpg"),
        ("/abs/a.jpg", "abs/a.jpg"),
        ("C:\\photos\\..\\a.jpg", "photos/a.jpg"),
        ("a\x00b\n.jpg", "ab.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("bad\udcff.jpg", "bad?.jpg"),
        ("..", "unnamed"),
        ("e\u0301.jpg", "\u00e9.jpg"),
        ("d/" * 400 + "file.jpg", ("d/" * 400 + "file.jpg")[-500:]),
    ],
)
def test_names_are_labels(name, label):
    assert clean_name(name) == label


def test_traversal_in_an_archive_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = zip_of({"../../up.jpg": b"up", "/root.jpg": b"root"})
    assert read_all(iterate_archive(content)) == {"up.jpg": b"up", "root.jpg": b"root"}
    assert list(tmp_path.iterdir()) == []


def test_names_in_utf8_without_the_flag_are_read_as_such():
    content = zip_of({"bl\u00fcte.jpg": b"x"}).getvalue()
    raw = "bl\u00fcte.jpg".encode()
    unflagged = content.replace(b"\x00\x08", b"\x00\x00")  # general purpose bit 11
    assert raw in unflagged
    assert list(read_all(iterate_archive(io.BytesIO(unflagged)))) == ["bl\u00fcte.jpg"]


def test_an_encrypted_member_is_refused_by_name_and_the_others_go_in():
    content = bytearray(zip_of({"a.jpg": b"a", "secret.jpg": b"s", "z.jpg": b"z"}).getvalue())
    central = content.index(b"secret.jpg", content.index(b"PK\x01\x02")) - 46
    content[central + 8] |= 1
    result = read_all(iterate_archive(io.BytesIO(bytes(content))))
    assert result["a.jpg"] == b"a"
    assert result["z.jpg"] == b"z"
    assert "encrypted" in result["secret.jpg"]


def test_a_wrong_checksum_refuses_that_member_alone():
    content = bytearray(zip_of({"a.jpg": b"aaaa", "bad.jpg": b"BBBB", "z.jpg": b"zzzz"}, zipfile.ZIP_STORED).getvalue())
    content[content.index(b"BBBB")] = 0
    result = read_all(iterate_archive(io.BytesIO(bytes(content))))
    assert (result["a.jpg"], result["z.jpg"]) == (b"aaaa", b"zzzz")
    assert "damaged" in result["bad.jpg"]


def test_a_header_that_names_too_small_a_size_is_found_out():
    content = bytearray(zip_of({"liar.jpg": bytes(5000), "z.jpg": b"zzzz"}).getvalue())
    central = content.index(b"liar.jpg", content.index(b"PK\x01\x02")) - 46
    struct.pack_into("<I", content, central + 24, 10)
    result = read_all(iterate_archive(io.BytesIO(bytes(content))))
    assert "damaged" in result["liar.jpg"]
    assert result["z.jpg"] == b"zzzz"


def test_a_member_above_the_cap_is_refused_alone_after_that_many_bytes():
    caps = Caps(member_bytes=1000)
    for content in (
        zip_of({"big.jpg": bytes(5000), "z.jpg": b"z"}),
        tar_of({"big.jpg": bytes(5000), "z.jpg": b"z"}),
    ):
        result = read_all(iterate_archive(content, caps=caps))
        assert "larger than" in result["big.jpg"]
        assert result["z.jpg"] == b"z"


def test_a_bomb_is_stopped_by_what_it_expands_to():
    bomb = {f"{number:03}.jpg": bytes(1_000_000) for number in range(40)}  # 40 MB in 40 KB
    caps = Caps(ratio_free_bytes=10_000_000, ratio=100)
    for content in (zip_of(bomb), tar_of(bomb, gzip.compress)):
        seen, reason = read_until_refused(iterate_archive(content, caps=caps))
        assert "unpacks to more than" in reason
        assert 8 <= len(seen) <= 11  # what came before the cap was given out


def test_members_that_overlap_are_counted_as_often_as_they_are_read():
    content = bytearray(zip_of({"a.jpg": bytes(1_000_000)}).getvalue())
    central, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    record = bytes(content[central:end])
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, 50 * len(record))
    overlapping = io.BytesIO(bytes(content[:central]) + record * 50 + bytes(tail))
    _, reason = read_until_refused(iterate_archive(overlapping, caps=Caps(ratio_free_bytes=10_000_000)))
    # Newer Pythons find the overlap themselves when such a member is opened: nothing was expanded then.
    assert "unpacks to more than" in reason or "damaged inside" in reason


def test_more_entries_than_allowed_are_refused_before_they_are_held(tmp_path):
    many = {f"{number}.jpg": b"" for number in range(20)}
    for content in (zip_of(many), tar_of(many)):
        with pytest.raises(Refused, match="more than 10 files"):
            list(iterate_archive(content, caps=Caps(entries=10)))
    assert len(list(iterate_archive(zip_of(many), caps=Caps(entries=20)))) == 20
    for name in many:
        (tmp_path / name).touch()
    with pytest.raises(Refused, match="more than 10 files"):
        list(iterate_folder(tmp_path, caps=Caps(entries=10)))


def test_a_lying_count_at_the_end_of_a_zip_does_not_pass_the_cap():
    content = bytearray(zip_of({f"{number}.jpg": b"" for number in range(20)}).getvalue())
    struct.pack_into("<HH", content, content.index(b"PK\x05\x06") + 8, 1, 1)
    with pytest.raises(Refused, match="more than 10 files"):
        list(iterate_archive(io.BytesIO(bytes(content)), caps=Caps(entries=10)))


def test_a_member_too_deep_is_refused():
    result = read_all(iterate_archive(zip_of({"d/" * 60 + "a.jpg": b"a", "b.jpg": b"b"})))
    assert result["b.jpg"] == b"b"
    assert any("folders deep" in str(value) for value in result.values())


def test_links_and_devices_in_a_tar_are_ignored():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(f"kind{kind.decode()}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("real.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    out.seek(0)
    assert read_all(iterate_archive(out)) == {"real.jpg": b"abc"}


def test_an_unusual_packing_is_refused_by_name():
    content = zip_of({"a.jpg": b"a" * 100}, zipfile.ZIP_LZMA)
    assert "ordinary zip" in read_all(iterate_archive(content))["a.jpg"]


@pytest.mark.parametrize(
    "content", [b"", b"nothing of the kind" * 100, b"PK\x03\x04 cut short", b"\x1f\x8b\x08 no", b"BZh9no"]
)
def test_what_is_no_archive_is_refused(content):
    with pytest.raises(Refused, match="archive"):
        list(iterate_archive(io.BytesIO(content)))


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda plain: bz2.compress(plain, 1), lzma.compress], ids=PACKINGS
)
def test_a_tar_that_ends_too_early_gives_what_it_has_and_then_says_so(pack):
    # bzip2 unpacks whole blocks, of 100 KB here: so the files are about as large.
    whole = tar_of({f"{number}.jpg": os.urandom(90_000) for number in range(9)}, pack).getvalue()
    seen, reason = read_until_refused(iterate_archive(io.BytesIO(whole[: len(whole) // 2])))
    assert reason
    assert 1 <= len(seen) < 9


def test_a_damaged_header_in_a_tar_is_not_taken_for_its_end():
    content = bytearray(tar_of({"a.jpg": b"a", "b.jpg": b"b", "c.jpg": b"c"}).getvalue())
    position = content.index(b"b.jpg")
    content[position : position + 20] = b"X" * 20
    seen = []
    with pytest.raises(Refused, match="damaged after 1 "):
        seen.extend(member.name for member in iterate_archive(io.BytesIO(bytes(content))))


def test_a_header_of_absurd_size_in_a_packed_tar_is_not_read():
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3_000_000
    packed = gzip.compress(info.tobuf() + bytes(3_000_000))
    with pytest.raises(Refused, match=r"absurd|archive"):
        list(iterate_archive(io.BytesIO(packed), caps=Caps(member_bytes=1000)))


def test_what_a_zip_says_to_be_too_large_is_not_read_at_all(monkeypatch):
    archive = zip_of({"a.png": bytes(2000), "b.jpg": b"good"})
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_args: pytest.fail("read"))
    (large, _small) = iterate_archive(archive, caps=Caps(member_bytes=1000))
    with pytest.raises(Refused, match="larger"):
        large.read()


def test_a_zip64_record_that_names_another_directory_does_not_pass_the_cap():
    whole = zip_of({f"{number}.jpg": b"" for number in range(20)}).getvalue()
    end = whole.rfind(b"PK\x05\x06")
    size, offset = struct.unpack("<II", whole[end + 12 : end + 20])
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 20, 20, size, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    small = whole[end : end + 12] + struct.pack("<II", 46, end - 46) + whole[end + 20 :]
    liar = io.BytesIO(whole[:end] + record + locator + small)
    assert len(zipfile.ZipFile(liar).infolist()) == 20  # whom zipfile believes
    with pytest.raises(Refused, match="more than 10 files"):
        next(iterate_archive(liar, caps=Caps(entries=10)))


def test_a_directory_of_absurd_size_is_not_read():
    content = bytearray(zip_of({"a.jpg": b"x"}).getvalue())
    end = content.rfind(b"PK\x05\x06")
    content[end + 12 : end + 16] = (2**31).to_bytes(4, "little")
    with pytest.raises(Refused, match="absurd"):
        next(iterate_archive(io.BytesIO(content)))


def test_headers_that_announce_headers_without_end_are_refused():
    header = tarfile.TarInfo.create_pax_global_header({"comment": "x"})
    with pytest.raises(Refused, match="damaged"):
        next(iterate_archive(io.BytesIO(header * 2000 + tar_of({"a.jpg": b"x"}).getvalue())))


def test_a_file_that_may_not_be_read_is_refused_by_name(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    members = list(iterate_folder(tmp_path))
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(Refused, match="cannot be read"):
        members[0].read()
