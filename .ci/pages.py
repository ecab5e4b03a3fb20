"""What MkDocs needs beside the pages: README.md as the home page, and notebooks as pages.

A link that leaves `docs/`, such as one to LICENSE, is text in the site.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that `docs/` does not have as Markdown."""
    home = (REPO / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    made = {"index.md": f"---\nhide: [navigation]\n---\n{home}"}
    for file in sorted((REPO / "docs/notebooks").glob("*.ipynb")):
        made[f"notebooks/{file.stem}.md"] = markdown(json.loads(file.read_text(encoding="utf-8")))
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(text: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to notebooks lead to their pages; those to files outside of the site are text."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(match: re.Match[str]) -> str:
        words, target, anchor = match.groups(default="")
        uri = posixpath.normpath(posixpath.join(folder, target))
        if uri.endswith(".ipynb"):
            return f"[{words}]({target.removesuffix('.ipynb')}.md{anchor})"
        outside = uri.startswith("..") or not (folder or files.get_file_from_path(uri))
        return words if outside and ":" not in target else match[0]

    return LINK.sub(kept, text)


def on_page_content(html: str, **_: Any) -> str:
    """No line ends between a number and its sign."""
    return re.sub(r"(?<=\d) (?=%)|(?<=&lt;) (?=[.\d])", "&nbsp;", html)


def markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook, with what they printed and showed."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code" and source:
            parts.append(f"```python\n{source}\n```")
            parts += filter(None, map(_output, cell["outputs"]))
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str | None:
    """As HTML where there is some; the progress on stderr is left out."""
    if output["output_type"] == "stream":
        text = "".join(output["text"]) if output["name"] == "stdout" else ""
    else:
        data = output.get("data", {})
        if "text/html" in data:
            html = "".join(data["text/html"])
            return "\n".join(line for line in html.splitlines() if line.strip())
        text = "".join(data.get("text/plain", ""))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else None
