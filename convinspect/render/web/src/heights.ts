// What is alive at each moment of a run, in numbers.

import { at, type Timeline } from "./data";
import { operator } from "./format";

/** From the lowest band to the highest. */
export const KINDS = ["weights", "inputs", "optimizer", "gradients", "saved", "outputs", "activations", "temporaries"];

/** Bytes alive after each moment: all, and by kind. */
export interface Heights {
  total: number[];
  kinds: Map<string, number[]>;
}

export function heights(timeline: Timeline, only: (owner: number) => boolean = () => true): Heights {
  const moments = timeline.phases.length;
  const kinds = new Map<string, number[]>();
  for (const [kind, size, owner, , born, died] of timeline.allocations) {
    if (!only(owner)) continue;
    const change = kinds.get(kind) ?? new Array<number>(moments + 1).fill(0);
    kinds.set(kind, change);
    change[born] = (change[born] ?? 0) + size;
    if (died !== null) change[died] = (change[died] ?? 0) - size;
  }
  const total = new Array<number>(moments).fill(0);
  for (const [kind, change] of kinds) {
    let sum = 0;
    const alive = change.slice(0, moments).map((more) => {
      sum += more;
      return sum;
    });
    for (const [moment, size] of alive.entries()) total[moment] = at(total, moment) + size;
    kinds.set(kind, alive);
  }
  return { total, kinds };
}

/** What is alive, of one kind and made by one row; of the optimizer all in one. */
export interface Alive {
  kind: string;
  owner: number;
  size: number;
  ops: Set<string>;
}

/** What is alive at `moment`, the largest first. */
export function aliveAt(line: Timeline, moment: number): Alive[] {
  const found = new Map<string, Alive>();
  for (const [kind, size, owner, op, born, died] of line.allocations) {
    if (born > moment || (died !== null && died <= moment)) continue;
    const by = kind === "optimizer" ? -1 : owner;
    const one = found.get(`${kind} ${by}`) ?? { kind, owner: by, size: 0, ops: new Set<string>() };
    one.size += size;
    if (by >= 0) one.ops.add(operator(at(line.ops, op)));
    found.set(`${kind} ${by}`, one);
  }
  return [...found.values()].sort((a, b) => b.size - a.size);
}
