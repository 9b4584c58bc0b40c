"""Opens a page in headless Chromium, in a frame of any width, and asks it questions.

The page runs as it is, with two scripts in front of all that it says, its security policy too: one
writes down every complaint, the other asks the questions once the page is loaded, and gives the
answer as JSON.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

LISTEN = """<script>
const complaints = [];
addEventListener("error", (e) => complaints.push(`error: ${e.message}`));
addEventListener("securitypolicyviolation", (e) => complaints.push(`blocked: ${e.blockedURI}`));
for (const name of ["warn", "error"]) console[name] = (...all) => complaints.push(all.join(" "));
</script>"""
ASK = """<script>
addEventListener("load", () => {
  let answer;
  try { answer = (() => { %s })(); } catch (e) { complaints.push(`question: ${e}`); }
  const fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  parent.found.textContent = JSON.stringify({ answer, complaints, fetched });
});
</script>"""
FRAME = """<!doctype html><body style="margin:0"><pre id="found"></pre>
<iframe srcdoc="%s" style="border:0;width:%dpx;height:900px"></iframe></body>"""


def ask(page: str, questions: str, folder: Path, *, width: int = 1280, dark: bool = False) -> Any:
    """What the questions (the body of a JavaScript function) return, asked inside the page.

    Fails when the page complains about anything or fetches anything.
    """
    asked = page.replace("<head>", "<head>" + LISTEN + ASK % questions, 1)
    folder.mkdir(exist_ok=True)
    file = folder / "frame.html"
    file.write_text(FRAME % (html.escape(asked), width), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}"]
    command += ["--force-dark-mode"] if dark else []
    done = subprocess.run(
        [*command, "--window-size=1400,1000", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, f"no answer from the page: {done.stderr[-2000:]}"
    result = json.loads(html.unescape(found[1]))
    assert result["complaints"] == []
    assert result["fetched"] == []
    return result["answer"]
