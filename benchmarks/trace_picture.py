# SPDX-License-Identifier: Apache-2.0
"""Draws one step of a trace of raptr-pretrain (--trace) as SVG: what each rank does, and below it the sums that are under way.

    python3 trace_picture.py trace.json STEP > overlap.svg
"""
import json
import sys

events = json.load(open(sys.argv[1]))["traceEvents"]
step = int(sys.argv[2])
ranks = sorted({e["pid"] for e in events})
WIDTH, LEFT, BAR, ROW = 880, 74, 22, 7

ends = {(e["pid"], e["id"]): e["ts"] for e in events if e["ph"] == "e"}
spans = [(e["pid"], e["cat"], e["name"], e["args"]["step"], e["ts"], e["ts"] + e["dur"] if e["ph"] == "X" else ends[e["pid"], e["id"]])
         for e in events if e["ph"] in "Xb"]


def of_step(rank):
    """From the agreement at its start to the next one, so with the update of the weights."""
    mine = [s for s in spans if s[0] == rank]
    begin = min(s[4] for s in mine if s[3] == step and s[2] == "gather: start")
    end = min((s[4] for s in mine if s[3] == step + 1 and s[2] == "gather: start"), default=max(s[5] for s in mine))
    return [s for s in mine if begin <= s[4] < end]


shown = {rank: of_step(rank) for rank in ranks}
first = min(s[4] for mine in shown.values() for s in mine)
last = max(s[5] for mine in shown.values() for s in mine)
x = lambda time: LEFT + (time - first) / (last - first) * (WIDTH - LEFT - 10)
body, y = [], 40


def rect(kind, begin, end, top, height, title):
    body.append(f'<rect class="{kind}" x="{x(begin):.1f}" y="{top}" width="{max(.6, x(end) - x(begin)):.1f}" height="{height}"><title>{title}: '
                f'{(end - begin) / 1e3:.1f} ms</title></rect>')


for rank in ranks:
    body.append(f'<text x="4" y="{y + 15}">rank {rank}</text>')
    sums = [s for s in shown[rank] if s[1] == "sum" and not s[2].endswith("loss")]
    for _, kind, name, _, begin, end in shown[rank]:
        if kind != "sum":
            rect(kind, begin, end, y, BAR, name)
    body.append(f'<text x="4" y="{y + BAR + 4 + ROW * len(sums) / 2 + 4:.0f}" class="small">its sums</text>')
    for k, (_, _, name, _, begin, end) in enumerate(sums):
        rect("sum", begin, end, y + BAR + 5 + ROW * k, ROW - 2, name)
    y += BAR + ROW * len(sums) + 22
length = (last - first) / 1e3
tick = next(t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if length / t <= 10)
for k in range(int(length / tick) + 1):
    at = x(first + 1e3 * k * tick)
    body.append(f'<line x1="{at:.1f}" y1="34" x2="{at:.1f}" y2="{y - 8}"/><text x="{at:.1f}" y="{y + 6}" text-anchor="{"middle" if at < WIDTH - 30 else "end"}" class="small">{k * tick}'
                f'{" ms" if k == 0 else ""}</text>')
legend, at = [], LEFT
for kind, what in (("computing", "computes"), ("sum", "a sum is under way"), ("waiting", "waits for the other rank")):
    legend.append(f'<rect class="{kind}" x="{at}" y="10" width="14" height="12"/><text x="{at + 20}" y="20">{what}</text>')
    at += 40 + 7 * len(what)
print(f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 14}" width="{WIDTH}" height="{y + 14}">
<style>
text {{ font: 13px sans-serif; fill: #68727d }} .small {{ font-size: 11px }}
line {{ stroke: #8b949e; stroke-opacity: .35 }} rect {{ stroke: none }}
.computing {{ fill: #4a90d9; stroke: #ffffff; stroke-opacity: .55; stroke-width: .6 }} .sum {{ fill: #3fa65a }} .waiting {{ fill: #e5803c }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #aab4be }} .computing {{ stroke: #0d1117 }} }}
</style>''')
print("\n".join(legend + body))
print("</svg>")
