// Where the boxes of the graph lie: dagre lays each open box out by itself, from the innermost on.

import { Graph, layout } from "@dagrejs/dagre";
import { at } from "./data";
import { type Flow, IN, type Inside, OUT, ROOT } from "./flow";

const LETTER = 6.7;
const HEAD = 26;
const PAD = 10;
const LABEL = 13;

export interface Point {
  x: number;
  y: number;
}

/** A box, or an arrow's label, by its left upper corner in the whole picture. */
export interface Box extends Point {
  name: string;
  width: number;
  height: number;
  depth: number;
  open: boolean;
}

export interface Wire {
  points: Point[];
  text: string;
  label: Point | null;
  ends: boolean;
}

export interface Picture {
  width: number;
  height: number;
  boxes: Box[];
  wires: Wire[];
}

export type Words = (name: string) => readonly [string, string];

/** Lay out all that is open in `flow`; `words` are the two lines in a box. */
export function pictureOf(flow: Flow, words: Words): Picture {
  const insides = flow.insides();
  const inner = new Map<string, Picture>();
  const measured = (name: string): Picture => {
    const known = inner.get(name);
    if (known) return known;
    const made = laidOut(insides.get(name) as Inside, (part) =>
      insides.has(part) ? framed(measured(part), words(part).join("   ")) : size(words(part)),
    );
    inner.set(name, made);
    return made;
  };
  const whole = measured(ROOT);
  const found: Picture = { width: whole.width, height: whole.height, boxes: [], wires: [] };
  const place = (picture: Picture, dx: number, dy: number, depth: number): void => {
    for (const wire of picture.wires) found.wires.push(moved(wire, dx, dy));
    for (const box of picture.boxes) {
      const open = insides.has(box.name);
      found.boxes.push({ ...box, x: box.x + dx, y: box.y + dy, depth, open });
      if (open) {
        const content = measured(box.name);
        place(content, box.x + dx + (box.width - content.width) / 2, box.y + dy + HEAD, depth + 1);
      }
    }
  };
  place(whole, 0, 0, 0);
  return found;
}

interface Size {
  width: number;
  height: number;
}

function size([first, second]: readonly [string, string]): Size {
  return { width: Math.max(44, LETTER * Math.max(first.length, second.length) + 28), height: second ? 40 : 26 };
}

function framed(content: Picture, title: string): Size {
  return { width: Math.max(content.width, LETTER * title.length + 40), height: content.height + HEAD + PAD };
}

function laidOut(inside: Inside, measure: (part: string) => Size): Picture {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 20, edgesep: 12, marginx: PAD, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const part of inside.parts) graph.setNode(part, { ...measure(part) });
  for (const { from, to, text } of inside.arrows) {
    for (const end of [from, to]) if (!graph.hasNode(end)) graph.setNode(end, { width: 1, height: 1 });
    graph.setEdge(from, to, {
      width: text ? LETTER * text.length * 0.85 : 0,
      height: text ? LABEL : 0,
      labelpos: "r",
      labeloffset: 4,
    });
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as Partial<Size>;
  const boxes = inside.parts.map((name): Box => {
    const node = graph.node(name) as Size & Point;
    return {
      name,
      x: node.x - node.width / 2,
      y: node.y - node.height / 2,
      width: node.width,
      height: node.height,
      depth: 0,
      open: false,
    };
  });
  const wires = inside.arrows.map(({ from, to, text }): Wire => {
    const edge = graph.edge(from, to) as { points: Point[] } & Partial<Point>;
    const label = text && edge.x !== undefined && edge.y !== undefined ? { x: edge.x, y: edge.y } : null;
    return { points: stretched(edge.points, from, to, height), text, label, ends: to !== OUT };
  });
  return { width, height, boxes, wires };
}

/** Arrows from and to the outside begin and end at the edge of their box. */
function stretched(points: readonly Point[], from: string, to: string, height: number): Point[] {
  const made = [...points];
  if (from === IN) made.unshift({ x: at(made, 0).x, y: 0 });
  if (to === OUT) made.push({ x: at(made, made.length - 1).x, y: height + PAD });
  return made;
}

function moved(wire: Wire, dx: number, dy: number): Wire {
  const move = ({ x, y }: Point): Point => ({ x: x + dx, y: y + dy });
  return { ...wire, points: wire.points.map(move), label: wire.label ? move(wire.label) : null };
}
