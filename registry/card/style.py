"""The card's style sheet: screen in light and dark, phone, paper."""

from __future__ import annotations

RULES = """
:root {
  color-scheme: light dark;
  --ink: #1a1f26; --soft: #59636e; --line: #d5dbe1; --paper: #ffffff; --wash: #f5f7f9;
  --first: #1f5fa8; --second: #b5560b; --third: #5b7a1e; --pale: #a9bfd8;
  --bad: #b3261e; --bad-wash: #fdeeec; --good: #1d7440; --caution: #8a5a00; --caution-wash: #fff6e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e8ec; --soft: #9aa5b1; --line: #333b45; --paper: #13171c; --wash: #1b2027;
    --first: #7fb3f2; --second: #f2a663; --third: #b4d06a; --pale: #40536b;
    --bad: #ff8f85; --bad-wash: #351b1a; --good: #72c994; --caution: #f0c060; --caution-wash: #2e2613;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, strong, th, dt { overflow-wrap: break-word; }
h1 { margin: 0 0 .5rem; font-size: clamp(1.7rem, 5vw, 2.4rem); line-height: 1.15; letter-spacing: -.015em; }
h2 { margin: 0 0 .75rem; font-size: 1.3rem; line-height: 1.3; }
p, ul, ol { margin: 0 0 1rem; max-width: 46rem; }
li { margin-bottom: .25rem; }
a { color: var(--first); text-underline-offset: .15em; }
a:focus-visible, .scroll:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
code { font: .9em ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
pre { margin: 0 0 1rem; padding: .75rem 1rem; background: var(--wash); border: 1px solid var(--line);
  border-radius: 6px; white-space: pre-wrap; }
small { font-size: .8em; color: var(--soft); }
.kicker { margin: 0 0 .35rem; color: var(--soft); font-size: .8rem; letter-spacing: .12em; text-transform: uppercase; }
.purpose { font-size: 1.12rem; }
.note { color: var(--soft); font-size: .875rem; }
.caution-text { color: var(--caution); } .caution-text small { color: inherit; }
.good { color: var(--good); } .bad { color: var(--bad); } .bad small { color: inherit; }

.warning { margin: 0 0 1rem; padding: .75rem 1rem; border: 1px solid; border-left-width: 5px; border-radius: 6px;
  max-width: 46rem; }
.warning p:last-child, .warning ul:last-child { margin-bottom: 0; }
.warning p { margin-bottom: .25rem; }
.alarm { border-color: var(--bad); background: var(--bad-wash); } .alarm strong { color: var(--bad); }
.caution { border-color: var(--caution); background: var(--caution-wash); } .caution strong { color: var(--caution); }

.glance { display: flex; flex-wrap: wrap; gap: 1px; margin: 1.5rem 0 2rem; background: var(--line);
  border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.glance div { flex: 1 1 13.5rem; padding: .7rem .9rem; background: var(--paper); }
.glance dt { color: var(--soft); font-size: .8rem; }
.glance dd { margin: .1rem 0 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.glance small { display: block; font-weight: 400; }
nav { margin-bottom: 2rem; padding: 1rem 1.25rem; background: var(--wash); border-radius: 8px; }
nav h2 { font-size: .9rem; margin-bottom: .4rem; }
nav ol { margin: 0; padding-left: 1.5rem; columns: 13rem; max-width: none; }
section { margin-bottom: 2.75rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
footer { color: var(--soft); font-size: .85rem; border-top: 1px solid var(--line); padding-top: 1rem; }

.scroll { margin: 0 0 1rem; overflow-x: auto; background:
  linear-gradient(to right, var(--paper) 40%, transparent) left / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) right / 2.5rem 100% no-repeat local,
  linear-gradient(to right, var(--line), transparent) left / .8rem 100% no-repeat,
  linear-gradient(to left, var(--line), transparent) right / .8rem 100% no-repeat; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .38rem .9rem .38rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th, thead td { color: var(--soft); font-weight: 600; font-size: .8rem; vertical-align: bottom;
  border-bottom: 1.5px solid var(--soft); }
tbody th { font-weight: 500; min-width: 7rem; max-width: 24rem; }
tbody th small { display: block; font-weight: 400; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums; }
.numbers td { white-space: nowrap; }
.numbers td:last-child { text-align: left; }
.numbers td small { display: block; }
.numbers td:not(:has(svg)):last-child { text-align: right; }
.metrics { width: 100%; }
.bars { width: 100%; } .bars td:last-child { width: 55%; }
.facts { width: 100%; } .facts th { width: 11.5rem; color: var(--soft); }
.features { width: 100%; } .features td { overflow-wrap: break-word; }
.features td:nth-child(2), .features td:nth-child(4) { min-width: 5.5rem; }
.features td:nth-child(3) { min-width: 10rem; overflow-wrap: anywhere; }
.features td:last-child { max-width: 14rem; min-width: 5rem; overflow-wrap: anywhere; }
.tight th, .tight td { padding: .18rem .55rem .18rem 0; } .tight.numbers { font-size: .84rem; }
.tight tbody th { min-width: 4.5rem; }
.tight small { display: inline; margin-left: .4rem; }
tr.chosen { background: var(--wash); } tr.chosen th, tr.chosen td { font-weight: 700; }
tr.chosen small { color: var(--first); }
tr.group th { padding-top: .9rem; font-weight: 700; }
.groups { width: 100%; font-size: .82rem; } .groups th, .groups td { padding-right: .55rem; }
.groups tbody th { min-width: 8rem; }
.groups tbody tr:not(.group) th { padding-left: .9rem; }

figure { margin: 0 0 1rem; break-inside: avoid; min-width: 0; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .25rem; }
figcaption.name { color: var(--ink); font-weight: 600; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.25rem 2rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 1.25rem 2.5rem;
  align-items: start; }
.pair > * { min-width: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: .35rem; font-size: .85rem;
  color: var(--soft); }
.legend span { display: inline-flex; align-items: center; gap: .4rem; }

svg { display: block; overflow: visible; }
svg text { font-size: 11.5px; fill: var(--ink); font-variant-numeric: tabular-nums; }
svg text.soft { fill: var(--soft); }
svg line, svg path { fill: none; stroke-width: 1; }
.plot { width: 100%; max-width: 29rem; height: auto; }
.strip { width: 8.75rem; height: 1.25rem; } .groups .strip { width: 6.5rem; }
.bar-box { width: 100%; height: .8rem; margin-top: .25em; }
.bar { fill: var(--first); } .bar.pale { fill: var(--pale); }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); }
svg .zero { stroke: var(--soft); stroke-dasharray: 2 3; }
svg .ideal { stroke: var(--soft); stroke-dasharray: 5 4; } svg .faint { stroke: var(--pale); stroke-width: 1.5; }
svg .overall { stroke: var(--soft); stroke-width: 1.5; }
svg .own { fill: var(--first); } svg .whisker { stroke: var(--first); stroke-width: 2.5; }
svg .own.notice { fill: var(--caution); } svg .whisker.notice { stroke: var(--caution); }
svg .own.alert { fill: var(--bad); } svg .whisker.alert { stroke: var(--bad); }
svg .baseline { fill: var(--paper); stroke-width: 1.8; }
svg .first { stroke: var(--soft); } svg .second { stroke: var(--second); } svg .third { stroke: var(--third); }
svg .curve { stroke-width: 2; stroke-linejoin: round; }
svg .curve.first { stroke: var(--first); } svg .curve.second { stroke-dasharray: 7 3; }
svg .curve.third { stroke-dasharray: 2 3; }
svg .chosen-line { stroke: var(--ink); }
svg .dots { stroke: var(--first); stroke-width: 4.5; stroke-linecap: round; stroke-opacity: .4; }
svg .dots.pale { stroke: var(--soft); }
svg .mean { stroke: var(--second); stroke-width: 2.2; stroke-linejoin: round; }

@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem; }
  .facts, .facts caption, .facts tbody, .facts tr, .facts th, .facts td { display: block; width: auto;
    max-width: none; }
  .facts th { border: 0; padding-bottom: 0; font-size: .8rem; }
  .facts td { padding-top: 0; }
  tbody th { max-width: 10rem; overflow-wrap: anywhere; }
  .features tbody th { min-width: 9rem; } .tight tbody th { overflow-wrap: break-word; }
  .bars tbody th { min-width: 8.5rem; } .bars td:last-child { min-width: 2.5rem; width: 22%; }
  .bars th, .bars td { padding-right: .5rem; }
}
@page { size: A4; margin: 16mm 15mm 18mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
@media print {
  :root {
    color-scheme: light;
    --ink: #000000; --soft: #4a525b; --line: #c8cdd3; --paper: #ffffff; --wash: #f1f3f5;
    --first: #1f5fa8; --second: #b5560b; --third: #5b7a1e; --pale: #a9bfd8;
    --bad: #a3180f; --bad-wash: #fdeeec; --good: #1d7440; --caution: #7a4f00; --caution-wash: #fff6e0;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; line-height: 1.4; }
  h2 { break-after: avoid; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  section { margin-bottom: 1.25rem; padding-top: .75rem; }
  p, ul, ol, .warning { max-width: none; } p { break-inside: avoid; }
  p:has(+ .scroll, + .pair, + .plots, + pre, + ul) { break-after: avoid; }
  .legend, .legend + .note { break-before: avoid; }
  .scroll { overflow: visible; background: none; break-inside: avoid; }
  .scroll:has(.features, .groups) { break-inside: auto; }
  table { font-size: 8pt; } thead th, thead td { font-size: 7.5pt; } th, td { padding-right: .5rem; }
  .tight.numbers { font-size: 7.2pt; } .tight.numbers th, .tight.numbers td { padding-right: .35rem; }
  tr, figure, .warning, .glance, li, pre { break-inside: avoid; } thead { display: table-header-group; }
  tbody:has(tr.group) { break-inside: avoid; }
  caption, thead { break-after: avoid; }
  .plots { display: block; orphans: 1; widows: 1; }
  .plots figure { display: inline-block; width: 49%; vertical-align: top; }
  .plot { max-width: 82mm; }
  .pair { grid-template-columns: 1fr 1fr; gap: .75rem 1.5rem; }
  .strip { width: 6.2rem; } .groups .strip { width: 5.2rem; }
}
"""
