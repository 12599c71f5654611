// Which row is chosen: the one thing that all parts of the page share.

type Listener = (row: number, from: string) => void;

export class Chosen {
  private listeners: Listener[] = [];

  constructor(public row: number) {}

  /** `act` hears of every choice, and who made it. */
  watch(act: Listener): void {
    this.listeners.push(act);
  }

  choose(row: number, from: string): void {
    this.row = row;
    for (const act of this.listeners) act(row, from);
  }
}
