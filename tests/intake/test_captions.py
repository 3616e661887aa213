"""Title, caption, keywords and date of a picture: from XMP and IPTC as programs write them, and as nobody should."""

from __future__ import annotations

import json
import random

import pytest

from labeler.intake import captions, images, private_fields
from labeler.models import Image
from labeler.releases.places import public_metadata
from tests.helpers.pictures import picture
from tests.helpers.scenes import encode, scene

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmp:CreateDate="2024-05-03T12:33:10+02:00">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Blatt \u2116 7</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">rust,
   underneath</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>SECRET NAME</rdf:li></rdf:Seq></dc:creator>
<dc:subject><rdf:Bag><rdf:li>leaf</rdf:li><rdf:li>rust</rdf:li><rdf:li>leaf</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
SAID = {
    "iptc.title": "Blatt № 7", "iptc.caption": "rust, underneath", "iptc.keywords": "leaf, rust",
    "iptc.date": "2024-05-03",
}  # fmt: skip


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def jpeg_with(*segments: bytes) -> bytes:
    plain = encode(scene(), "JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def xmp(packet: str) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())


def data_set(number: int, value: bytes, record: int = 2) -> bytes:
    return bytes([0x1C, record, number]) + len(value).to_bytes(2, "big") + value


def iptc(*data_sets: bytes, name: bytes = b"") -> bytes:
    block = b"".join(data_sets)
    padded_name = bytes([len(name)]) + name + b"\0" * ((len(name) + 1) % 2)
    other = b"8BIM" + (0x03ED).to_bytes(2, "big") + b"\0\0" + (3).to_bytes(4, "big") + b"abc\0"
    mine = b"8BIM" + (0x0404).to_bytes(2, "big") + padded_name + len(block).to_bytes(4, "big") + block
    return segment(0xED, b"Photoshop 3.0\0" + other + mine)


def test_xmp_says_title_caption_keywords_and_date_and_no_name():
    assert captions.read(jpeg_with(xmp(PACKET))) == SAID
    assert captions.read(encode(scene(), "WEBP", xmp=PACKET.encode())) == SAID


@pytest.mark.parametrize("name", [b"", b"a", b"ab"])
def test_iptc_says_the_same_in_old_and_new_letters(name):
    found = captions.read(jpeg_with(iptc(
        data_set(5, "Blatt № 7".encode()), data_set(120, "Gr\u00fcn".encode("latin-1")), data_set(25, b"leaf"),
        data_set(25, b"rust"), data_set(55, b"20240503"), data_set(80, b"SECRET NAME"), name=name,
    )))  # fmt: skip

    assert found == SAID | {"iptc.caption": "Grün"}


def test_xmp_is_believed_before_iptc_and_each_fills_what_the_other_lacks():
    both = jpeg_with(
        iptc(data_set(5, b"old"), data_set(120, b"of 1999")), xmp(PACKET.replace("dc:description", "dc:x"))
    )

    assert captions.read(both) == SAID | {"iptc.caption": "of 1999"}


def test_nothing_is_there_where_nothing_is_said():
    for content in (b"", b"\xff\xd8\xff", b"RIFF0000WEBP", encode(scene(), "JPEG"), encode(scene(), "PNG")):
        assert captions.read(content) == {}
    assert captions.read(jpeg_with(iptc(data_set(55, b"20241399"), data_set(5, b" \x00 ")))) == {}


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + PACKET.partition("?>")[2]
DEEP = "<a>" * 5000


@pytest.mark.parametrize("packet", [BOMB, DEEP, "<a/>" * 10, "no xml", PACKET + "<!--" + "x" * 64_000])
def test_what_no_program_writes_says_nothing(packet):
    assert captions.read(jpeg_with(xmp(packet[:65_000]))) == {}


def test_texts_are_short_and_keywords_few():
    long = iptc(data_set(120, b"x" * 2000), *(data_set(25, b"k%d" % n) for n in range(900)))

    found = captions.read(jpeg_with(long))

    assert len(found["iptc.caption"]) == 200 and len(found["iptc.keywords"].split(", ")) <= 20


def test_any_bytes_may_follow():
    random_ = random.Random(5)
    whole = jpeg_with(iptc(data_set(5, b"title"), data_set(25, b"leaf")), xmp(PACKET))
    for _ in range(300):
        broken = bytearray(whole[: random_.randrange(2, len(whole))])
        for _change in range(5):
            broken[random_.randrange(len(broken))] = random_.randrange(256)
        for value in captions.read(bytes(broken)).values():
            assert isinstance(value, str) and value.isprintable() and len(value) <= 200


@pytest.mark.django_db
def test_an_image_keeps_them_and_who_may_see_them_is_as_for_exif(project, settings, tmp_path, ann):
    settings.MEDIA_DIR = tmp_path / "media"
    plain = picture(3)
    content = plain[:2] + xmp(PACKET) + plain[2:]
    (tmp_path / "leaf.jpg").write_bytes(content)

    list(images.add_images(project=project, members=[images.file_member("leaf.jpg", content)]))

    metadata = Image.objects.get().metadata
    assert {key: value for key, value in metadata.items() if key.startswith("iptc.")} == SAID
    assert private_fields.is_reserved("iptc.title")
    # Whoever is seen there, and where, people write into title and caption: as EXIF's description they stay here.
    assert public_metadata(json.dumps(SAID)) == {"iptc.keywords": "leaf, rust", "iptc.date": "2024-05-03"}
    assert public_metadata(json.dumps(SAID), location=True) == SAID
