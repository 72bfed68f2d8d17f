#!/usr/bin/env python3
"""Fits the constants of src/plan/efficiency.hpp on tests/data/plan/public_speed.json, and on nothing else.

    scripts/fit_speed_model.py build/release/bin/tessera        prints the constants and each row's error

Each row's work (ops, hops, bytes at published rates) comes from `tessera plan --json`; the time is linear in it:

    decode  = transfer + op * ops + hop * hops + step + copy * (further copies)
    prefill = transfer without matmuls + matmul time at peak / share + op * ops + hop * hops + start

so that least absolute relative errors (by reweighting) over a few non-negative constants are all there is to it.
"""
import itertools
import json
import pathlib
import statistics
import subprocess
import sys

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "plan"


def plan(program, row, table):
    command = [program, "plan", DATA / "configs" / row["config"], "--json", "--device", row["device"]]
    command += ["--tp", row["tensor_parallel"], "--precision", "tt-" + row["preset"]]
    command += ["--prompt", table["prompt"], "--context", table["position"]]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def least_squares(rows, goal, weights):
    """Weighted least squares by the normal equations; None when they are singular."""
    n = len(rows[0])
    a = [[sum(w * r[i] * r[j] for r, w in zip(rows, weights)) for j in range(n)]
         + [sum(w * r[i] * g for r, g, w in zip(rows, goal, weights))] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(a[k][i]))
        if abs(a[pivot][i]) < 1e-12:
            return None
        a[i], a[pivot] = a[pivot], a[i]
        for k in range(n):
            if k != i:
                factor = a[k][i] / a[i][i]
                a[k] = [x - factor * y for x, y in zip(a[k], a[i])]
    return [a[i][n] / a[i][i] for i in range(n)]


def fit(target, fixed, parts):
    """Non-negative constants by which `parts` and the fixed times come closest to the targets."""
    names = list(parts[0])
    goal = [(t - f) / t for t, f in zip(target, fixed)]
    best = None
    for size in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, size):
            rows = [[part[name] / t for name in chosen] for part, t in zip(parts, target)]
            weights = [1.0] * len(rows)
            for _ in range(200):
                x = least_squares(rows, goal, weights)
                if x is None:
                    break
                errors = [abs(sum(a * b for a, b in zip(r, x)) - g) for r, g in zip(rows, goal)]
                weights = [1 / max(e, 1e-3) for e in errors]
            if x is None or min(x) < 0:
                continue
            if best is None or sum(errors) < best[0]:
                best = (sum(errors), dict(zip(chosen, x)))
    return {name: best[1].get(name, 0.0) for name in names}


def report(title, rows, target, predicted):
    errors = [p / t - 1 for p, t in zip(predicted, target)]
    print(f"\n{title}: median |error| {100 * statistics.median(map(abs, errors)):.1f} % over {len(rows)} rows")
    for row, t, p, e in zip(rows, target, predicted, errors):
        print(f"  {row['model']:<16} {row['device']:<8} TP {row['tensor_parallel']:<3} {row['preset']:<12}"
              f" {t:8.2f} ms  predicted {p:8.2f}  {100 * e:+6.1f} %")


def main():
    program = sys.argv[1]
    table = json.loads((DATA / "public_speed.json").read_text())
    rows = table["rows"]
    plans = [plan(program, row, table) for row in rows]

    works = [p["roofline"]["decode_work"] for p in plans]
    target = [1e3 / row["tok_s_user"] for row in rows]
    fixed = [w["transfer_ms"] for w in works]
    parts = [{"op_us": w["ops"] / 1e3, "hop_us": w["hops"] / 1e3, "step_us": 1e-3,
              "copy_us": (p["parallelism"]["copies"] - 1) / 1e3} for w, p in zip(works, plans)]
    decode = fit(target, fixed, parts)
    report("decode", rows, target, [f + sum(decode[k] * v for k, v in part.items()) for f, part in zip(fixed, parts)])

    timed = [(row, p) for row, p in zip(rows, plans) if row["ttft_ms"]]
    rows = [row for row, _ in timed]
    works = [p["roofline"]["prefill_work"] for _, p in timed]
    target = [row["ttft_ms"] for row in rows]
    fixed = [w["other_ms"] for w in works]
    parts = [{"matmul": w["matmul_ms"], "prefill_op_us": w["ops"] / 1e3, "prefill_hop_us": w["hops"] / 1e3,
              "prefill_us": 1e-3} for w in works]
    prefill = fit(target, fixed, parts)
    report("first token", rows, target,
           [f + sum(prefill[k] * v for k, v in part.items()) for f, part in zip(fixed, parts)])
    prefill["matmul"] = 1 / prefill["matmul"]
    print()
    for name, value in (decode | prefill).items():
        print(f"{name} = {value:.4g}")


if __name__ == "__main__":
    main()
