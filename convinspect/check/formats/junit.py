"""For CI servers: JUnit's XML, a suite a check and a case a limit."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from convinspect.check.results import Result, Session, Verdict
from convinspect.check.wording import about_baseline, about_run, sentences
from convinspect.errors import Complaint

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(session: Session) -> str:
    """Return the document; a breach is a failure, what could not be checked an error."""
    root = ET.Element("testsuites", name="convinspect check")
    for result in session.results:
        _suite(root, result)
    if session.problem is not None:
        suite = ET.SubElement(root, "testsuite", name="convinspect check")
        _stopped(suite, "convinspect check", "config", session.problem)
    _count(root)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)


def _suite(root: ET.Element, result: Result) -> None:
    name = result.check.name
    suite = ET.SubElement(root, "testsuite", name=_clean(name))
    about = {"target": result.check.request.target.text}
    if result.report is not None:
        about["run"] = about_run(result.report)
    about.update({f"baseline {one.name}": about_baseline(one) for one in result.baselines})
    properties = ET.SubElement(suite, "properties")
    for key, value in about.items():
        ET.SubElement(properties, "property", name=_clean(key), value=_clean(value))
    if result.problem is not None:
        _stopped(suite, name, "run", result.problem)
    for one in result.verdicts:
        _case(suite, result, one)


def _case(suite: ET.Element, result: Result, one: Verdict) -> None:
    case = ET.SubElement(suite, "testcase", classname=_clean(result.check.name), name=_clean(one.name))
    lines = [_clean(line) for line in sentences(one, result.check)]
    if one.status == "SKIP":
        ET.SubElement(case, "skipped", message=lines[0] if lines else "")
    elif one.status != "PASS":
        kind = "failure" if one.status == "FAIL" else "error"
        ET.SubElement(case, kind, message=lines[0], type=one.key).text = "\n".join(lines)


def _stopped(suite: ET.Element, classname: str, name: str, problem: Complaint) -> None:
    case = ET.SubElement(suite, "testcase", classname=_clean(classname), name=name)
    kind = f"exit {problem.exit_code}"
    element = ET.SubElement(case, "error", message=_clean(problem.message), type=kind)
    element.text = _clean("\n".join(problem.sentences))


def _count(root: ET.Element) -> None:
    for element in (*root.iter("testsuite"), root):
        for kind, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(kind, str(sum(1 for _ in element.iter(tag))))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
