"""The page's style, and the policy that lets a browser apply this style and nothing else."""

from base64 import b64encode
from hashlib import sha256

STYLE = """\
:root { color-scheme: light dark; --ink: #1c2230; --soft: #5a6478; --line: #d9dee8; --back: #f6f7fa;
  --card: #ffffff; --link: #1a56b8; --good: #17693a; --good-back: #e0f3e7; --bad: #a31621; --bad-back: #fde6e8;
  --wait: #76510a; --wait-back: #fbf0d5; --mute: #4b5568; --mute-back: #e9ecf2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #a1abbf; --line: #333b4b; --back: #14181f;
  --card: #1c222c; --link: #8ab6ff; --good: #7ed6a0; --good-back: #163524; --bad: #ff9aa2; --bad-back: #461a1f;
  --wait: #f0c969; --wait-back: #3c2f10; --mute: #b6bfd0; --mute-back: #2c3442; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding-top: 1.75rem; }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .75rem 0 0; padding: 0; }
dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0 0; }
dl div { flex: 1 1 9rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .9rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .94rem; }
th, td { text-align: left; padding: .5rem .9rem; vertical-align: top; overflow-wrap: break-word; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
tbody th { font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.state { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600;
  white-space: nowrap; color: var(--mute); background: var(--mute-back); }
.good { color: var(--good); background: var(--good-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.wait { color: var(--wait); background: var(--wait-back); }
.none { color: var(--soft); margin: 0; }
.note { color: var(--soft); font-size: .85rem; margin: .5rem 0 0; max-width: 60rem; }
.evidence { white-space: nowrap; font-variant-numeric: tabular-nums; }
meter { width: 5rem; height: 1.1rem; vertical-align: -.15rem; }
ul.why { margin: .75rem 0 0; padding-left: 1.25rem; }
footer { color: var(--soft); font-size: .85rem; padding-top: 1.5rem; padding-bottom: 2rem; }
"""

PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
