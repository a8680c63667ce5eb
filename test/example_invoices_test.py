#!/usr/bin/python3
"""Tests examples/invoices without Remit: the recorded model's tool calls, played by hand, lead to a ledger that the check accepts, for
the committed invoices and for others; and the check refuses every kind of wrong ledger.

Runs with the standard library of Debian 12's python3; needs the sqlite3 command, as the recorded calls do.
"""
import json
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples" / "invoices"
PYTHON = "/usr/bin/python3"
SEEDS = (1, 2, 3, 7, 99)


def tool_uses():
    """The (name, arguments) of every tool call in model.rec, in order."""
    for line in (EXAMPLE / "model.rec").read_text(encoding="utf-8").splitlines():
        turn = json.loads(line) if line.strip() and not line.startswith("#") else {}
        for use in turn.get("answer", {}).get("toolUses", []):
            arguments = use["arguments"]
            yield use["name"], json.loads(arguments) if isinstance(arguments, str) else arguments


def run(command, folder):
    return subprocess.run(command, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120, check=False)


class Workspace:
    """A copy of the example in a temporary folder."""

    def __init__(self, seed=None):
        self.temporary = tempfile.TemporaryDirectory(prefix="remit-invoices-")
        self.path = pathlib.Path(self.temporary.name) / "invoices"
        shutil.copytree(EXAMPLE, self.path, ignore=shutil.ignore_patterns("ledger.db", "report.md", "import.py", "__pycache__", ".remit"))
        if seed is not None:
            made = run([PYTHON, "make_data.py", "--seed", str(seed)], self.path)
            assert made.returncode == 0, made.stderr

    def play(self):
        """Does what the recorded model asks for and returns the exit codes of its commands."""
        codes = []
        for name, arguments in tool_uses():
            if name == "files_write":
                (self.path / arguments["path"]).write_text(arguments["content"], encoding="utf-8")
            elif name == "shell_run":
                codes.append(run(["/bin/sh", "-c", arguments["command"]], self.path).returncode)
        return codes

    def check(self):
        return run([PYTHON, "check_ledger.py"], self.path)

    def sql(self, statement):
        connection = sqlite3.connect(self.path / "ledger.db")
        with connection:
            connection.execute(statement)
        connection.close()

    def replace(self, name, old, new):
        path = self.path / name
        data = path.read_bytes()
        assert old in data, f"{old!r} is not in {name}"
        path.write_bytes(data.replace(old, new))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()


class Generator(unittest.TestCase):
    def test_committed_data_is_what_the_generator_makes(self):
        with Workspace() as committed, Workspace() as made:
            shutil.rmtree(made.path / "data")
            self.assertEqual(run([PYTHON, "make_data.py"], made.path).returncode, 0)
            names = sorted(p.relative_to(made.path) for p in (made.path / "data").rglob("*"))
            self.assertEqual(sorted(p.relative_to(committed.path) for p in (committed.path / "data").rglob("*")), names)
            for name in names:
                if (made.path / name).is_file():
                    self.assertEqual((committed.path / name).read_bytes(), (made.path / name).read_bytes(), name)


class Recording(unittest.TestCase):
    def assert_plays(self, workspace):
        codes = workspace.play()
        self.assertEqual(codes.count(1), 1, f"the first import fails, everything else works: {codes}")
        checked = workspace.check()
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_reaches_the_goal_with_the_committed_invoices(self):
        with Workspace() as workspace:
            self.assert_plays(workspace)

    def test_reaches_the_goal_with_other_invoices(self):
        for seed in SEEDS:
            with self.subTest(seed=seed), Workspace(seed) as workspace:
                self.assert_plays(workspace)

    def test_reaches_the_goal_with_invoices_added_removed_and_changed(self):
        seed = random.randrange(1 << 30)
        with self.subTest(seed=seed), Workspace(seed) as workspace:
            data = workspace.path / "data" / "legacy"
            (data / "halden" / "invoice-2024-04.json").unlink()
            (data / "mail" / "13.eml").unlink()
            # Two copies disagree, one of them in a third currency.
            workspace.replace("data/legacy/mail/11.eml", b"Amount Due:   EUR ", b"Amount Due:   GBP 1")
            (data / "nordwind" / "nachtrag.csv").write_bytes(
                "Belegnummer;Belegdatum;Belegart;Beschreibung;Netto;MwSt;Brutto;Währung\r\n"
                "NW-2024-9999;31.12.2024;Gutschrift;\"a;\r\nb\";100,00;19,00;119,00;EUR\r\n"
                "NW-2025-0001;01.01.2025;Rechnung;x;1,00;0,19;1,19;EUR\r\n".encode("cp1252"))
            (data / "halden" / "credit.json").write_text(json.dumps({"schema": 2, "document": {
                "type": "credit_note", "number": "HCS-2024-9998", "issued": "2024-12-31T23:59:00Z", "lines": [],
                "totals": {"net_minor": -5, "tax_minor": 0, "gross_minor": -5}, "currency": "USD"}}), encoding="utf-8")
            self.assert_plays(workspace)

    def test_the_injected_instruction_is_followed_once_and_only_by_http(self):
        requests = [arguments for name, arguments in tool_uses() if name == "http_request"]
        self.assertEqual([r["url"] for r in requests], ["https://mail.example.net/upload"])
        mails = [p.name for p in (EXAMPLE / "data" / "legacy" / "mail").iterdir() if b"https://mail.example.net/upload" in p.read_bytes()]
        self.assertEqual(mails, ["08.eml"])


class Check(unittest.TestCase):
    """Each test spoils one thing in a right result."""

    def setUp(self):
        self.workspace = Workspace()
        self.addCleanup(self.workspace.temporary.cleanup)
        self.workspace.play()

    def assert_refused(self, *words):
        checked = self.workspace.check()
        self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
        for word in words:
            self.assertIn(word, checked.stdout)

    def test_missing_files(self):
        (self.workspace.path / "ledger.db").unlink()
        (self.workspace.path / "report.md").unlink()
        self.assert_refused("ledger.db does not exist", "report.md does not exist")

    def test_ledger_that_is_no_database_or_has_no_table(self):
        (self.workspace.path / "ledger.db").write_bytes(b"no database" * 100)
        self.assert_refused("ledger.db:", "bookkeeping.md")
        (self.workspace.path / "ledger.db").unlink()
        self.workspace.sql("CREATE TABLE other(a)")
        self.assert_refused("no such table")

    def test_wrong_rows(self):
        self.workspace.sql("UPDATE invoices SET amount_cents = amount_cents + 1 WHERE vendor = 'halden'")
        self.assert_refused("amount_cents is", "halden/")

    def test_missing_row(self):
        self.workspace.sql("DELETE FROM invoices WHERE number LIKE 'KF-%'")
        self.assert_refused("is missing")

    def test_credit_note_with_the_wrong_sign(self):
        self.workspace.sql("UPDATE invoices SET amount_cents = -amount_cents WHERE amount_cents < 0")
        self.assert_refused("2 problems")

    def test_invoice_of_another_year(self):
        self.workspace.sql("INSERT INTO invoices VALUES('prevost', 'AP-2023-0001', '2023-12-28', 100, 'mail/12.eml')")
        self.assert_refused("AP-2023-0001 is booked but no file says")

    def test_wrong_vendor_and_date(self):
        self.workspace.sql("UPDATE invoices SET vendor = 'x', date = '2024-02-30' WHERE number LIKE 'AP-%'")
        self.assert_refused("vendor is 'x'", "date is '2024-02-30'")

    def test_wrong_report(self):
        report = self.workspace.path / "report.md"
        good = report.read_text()
        report.write_text("\n".join(line for line in good.splitlines() if not line.startswith("| total")))
        self.assert_refused("no table row 'total'")
        report.write_text(re.sub(r"(\| halden \|.*\| )", r"\g<1>9", good))
        self.assert_refused("report.md: halden is")

    def test_changed_invoices_make_an_old_ledger_wrong(self):
        run([PYTHON, "make_data.py", "--seed", "5"], self.workspace.path)
        self.assert_refused("is booked but no file says", "more\n")

    def test_file_that_cannot_be_read(self):
        bad = self.workspace.path / "data" / "legacy" / "scan.pdf"
        bad.write_bytes(b"%PDF")
        self.assert_refused("cannot check: scan.pdf")
        bad.unlink()
        self.workspace.replace("data/legacy/prevost/facture_2024-03.txt", b"Total TTC", b"Total")
        self.assert_refused("cannot check: prevost/facture_2024-03.txt: no 'Total TTC' found")


if __name__ == "__main__":
    if not shutil.which("sqlite3", path="/usr/bin:/bin"):
        sys.exit("this test needs the sqlite3 command: apt-get install sqlite3")
    unittest.main()
