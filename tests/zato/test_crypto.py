"""What services encrypt, hash and make up: with which key, and what is said where there is none."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.serving import wb as wb
from tests.zato.does import Does
from workbench import IntervalJob, Service, Workbench
from workbench.core.errors import MissingSecret, ServiceUsage
from workbench.core.secret import CRYPTO_KEY
from workbench.security.encryption import NotDecrypted, NotText, WrongCryptoKey

PASSWORD = "C61mBoPzpa2sA"
# Made by passlib 1.7.4: pbkdf2_sha512.using(rounds=1000, salt=bytes(range(64))).hash(PASSWORD), and of "pässword" with
# the salt b"salt+/\xff\xfe\xfb". Zato hashes by the same call.
HASHES = {
    PASSWORD: (
        "$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0.Pw"
        "$U5a9cZ40EYzEO34bY3vZpi5g2VLo33kehaIelVFCQTNqhkuQfzr0.Y..z2FTVXTOyxaFSpL76M/P4hmKNuPIgw"
    ),
    "pässword": (
        "$pbkdf2-sha512$1000$c2FsdCsv//77"
        "$wIA5DEolrlkTOx4dh1AO/g6Kv8GIg9Kq09L.xwuEgIvaQfdRE253gh/Xom6BIgMkZkrv2MbjImN3cwKiVOmkDw"
    ),
}


class Awaits(Service):
    """The same as Does, on the loop."""

    name = "awaits"

    async def handle(self) -> Any:
        return await self.request.payload(self)


@pytest.fixture
def bench(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.delenv(CRYPTO_KEY, raising=False)
    wb.deploy(Does, Awaits)
    return wb


def keep(wb: Workbench, key: str) -> str:
    """Keep a key as a person does."""
    assert wb.folder is not None
    (wb.folder / ".env").write_text(f"{CRYPTO_KEY}={key}\n")
    return key


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.mark.parametrize("data", ["żółw", b"bytes", ""])
def test_what_is_encrypted_is_decrypted_and_is_that_of_fernet(bench: Workbench, data: str | bytes) -> None:
    key = keep(bench, new_key())
    encrypted = bench.invoke("does", lambda self: self.crypto.encrypt(data))
    plain = data if isinstance(data, str) else data.decode()
    assert Fernet(key).decrypt(encrypted).decode() == plain
    for form in (encrypted, encrypted.decode(), b"zato.secf." + encrypted):
        assert bench.invoke("does", lambda self, form=form: self.crypto.decrypt(form)) == plain


def test_an_async_service_has_the_same(bench: Workbench) -> None:
    keep(bench, new_key())

    async def ask(self: Any) -> Any:
        hashed = await asyncio.to_thread(self.crypto.hash_secret, PASSWORD)
        return self.crypto.decrypt(self.crypto.encrypt("x")), self.crypto.verify_hash(PASSWORD, hashed)

    assert bench.invoke("awaits", ask) == ("x", True)


def test_without_a_key_it_is_said_how_to_make_one_and_a_sandbox_plays_it(bench: Workbench) -> None:
    with pytest.raises(MissingSecret) as missing:
        bench.invoke("does", lambda self: self.crypto.encrypt("x"))
    said = str(missing.value)
    assert said.startswith(
        "self.crypto of service 'does' needs the secret 'WORKBENCH_CRYPTO_KEY', which is not set. Fix:"
    )
    assert said.endswith('python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"')
    bench.sandbox()
    encrypted = bench.invoke("does", lambda self: self.crypto.encrypt("x"))
    assert bench.invoke("does", lambda self: self.crypto.decrypt(encrypted)) == "x"


def test_a_key_that_is_none_and_data_of_another_are_told_without_either(bench: Workbench) -> None:
    keep(bench, wrong := "not-a-key-at-all")
    with pytest.raises(WrongCryptoKey, match="is no key: .* Fix: set the key") as no_key:
        bench.invoke("does", lambda self: self.crypto.encrypt("x"))
    key = keep(bench, new_key())
    other = Fernet(Fernet.generate_key()).encrypt(b"x")
    whole = Fernet(key).encrypt(b"x")
    for encrypted in (other, whole[:-9], b"plain", "żółw", Fernet(key).encrypt(b"\xff")):
        with pytest.raises(NotDecrypted, match="'does' cannot decrypt that .* Fix: ") as failure:
            bench.invoke("does", lambda self, encrypted=encrypted: self.crypto.decrypt(encrypted))
        assert key not in str(failure.value)
        assert failure.value.__cause__ is None
    assert wrong not in str(no_key.value)


def test_bytes_that_are_no_text_are_told_as_that_and_how_to_keep_them(bench: Workbench) -> None:
    keep(bench, new_key())

    def ask(self: Any) -> Any:
        return self.crypto.decrypt(self.crypto.encrypt(b"\xff\xfe"))

    with pytest.raises(
        NotText, match=r"the key is right, .* 2 bytes that are no UTF-8\. Fix: encrypt base64"
    ) as failure:
        bench.invoke("does", ask)
    assert "another" not in str(failure.value)


def test_the_key_is_masked_wherever_a_service_shows_it(bench: Workbench) -> None:
    key = keep(bench, new_key())

    def ask(self: Any) -> None:
        self.crypto.encrypt("x")
        self.logger.info("with %s", key)

    bench.invoke("does", ask)
    assert [line.text for line in bench.log] == ["with ***"]
    assert key not in repr(bench.traffic)


def test_a_cassette_and_a_trip_have_the_key_too(bench: Workbench) -> None:
    encrypted = Fernet(keep(bench, new_key())).encrypt(b"x")

    class Opens(Service):
        name = "opens"

        def handle(self) -> Any:
            return self.crypto.decrypt(encrypted)

    bench.deploy(Opens)
    assert bench.invoke("opens") == "x"
    assert bench.traffic[-1].make_test("opens").path.is_file()
    bench.define(IntervalJob("opening", service="opens", hours=1))
    with bench.clock.travel(hours=2) as trip:
        assert {run.outcome for run in trip.runs} == {"ok"}


@pytest.mark.parametrize("password", HASHES)
def test_a_hash_of_zato_is_verified(bench: Workbench, password: str) -> None:
    verified = [
        bench.invoke("does", lambda self, given=given: self.crypto.verify_hash(given, HASHES[password]))
        for given in (password, password.encode(), f"{password} ", "")
    ]
    assert verified == [True, True, False, False]


def test_a_hash_is_salted_and_in_the_form_of_zato(bench: Workbench) -> None:
    one, two = (bench.invoke("does", lambda self: self.crypto.hash_secret(PASSWORD)) for _ in range(2))
    assert one != two
    assert one.startswith("$pbkdf2-sha512$210000$")
    assert [len(part) for part in one.split("$")[3:]] == [86, 86]
    assert bench.invoke("does", lambda self: self.crypto.verify_hash(PASSWORD, one)) is True


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda crypto: crypto.verify_hash("a", "plain"), "no hash that hash_secret makes"),
        (lambda crypto: crypto.verify_hash("a", HASHES[PASSWORD][:-1]), "no hash that hash_secret makes"),
        (lambda crypto: crypto.verify_hash("a", HASHES[PASSWORD].replace("$1000$", "$10000001$")), "no hash that"),
        (lambda crypto: crypto.verify_hash("a", f"$pbkdf2-sha512$9$A${86 * 'A'}"), "no hash that hash_secret makes"),
        (lambda crypto: crypto.verify_hash("a", None), "no hash that hash_secret makes"),
        (
            lambda crypto: crypto.hash_secret("a", name="zato.sso.super-user"),
            "no way to hash named 'zato.sso.super-user'",
        ),
        (lambda crypto: crypto.hash_secret(7), "hash_secret takes text or bytes, and no int"),
        (lambda crypto: crypto.generate_secret(7), "no secret of 7 bits. Fix: bits=256"),
        (lambda crypto: crypto.generate_password(10**9), "no secret of 1000000000 bits"),
    ],
)
def test_wrong_use_is_told_with_its_fix(bench: Workbench, ask: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ServiceUsage, match=said) as failure:
        bench.invoke("does", lambda self: ask(self.crypto))
    assert " Fix: " in str(failure.value)
    assert HASHES[PASSWORD][-20:] not in str(failure.value)


def test_secrets_are_of_so_many_bits_and_never_the_same(bench: Workbench) -> None:
    def ask(self: Any) -> Any:
        crypto = self.crypto
        return (
            crypto.generate_secret(),
            crypto.generate_secret(128),
            crypto.generate_password(),
            crypto.generate_secret(),
        )

    one, short, password, two = bench.invoke("does", ask)
    assert [len(urlsafe_b64decode(each)) * 8 for each in (one, short, password)] == [256, 128, 192]
    assert one != two
    as_text = bench.invoke("does", lambda self: self.crypto.generate_password(to_str=True))
    assert (type(password), type(as_text), len(as_text)) == (bytes, str, 32)
