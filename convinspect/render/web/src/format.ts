// Numbers as the rest of convinspect prints them: SI for counts, IEC for bytes, three figures.

const SI = ["", "K", "M", "G", "T", "P", "E"];
const IEC = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function scaled(value: number, base: number, names: readonly string[], gap: string): string {
  if (Math.abs(value) < base) return `${value}${gap}${names[0]}`.trim();
  let [rest, step] = [value, 0];
  while (step + 1 < names.length && Math.abs(Number(rest.toFixed(decimals(rest)))) >= base) {
    rest /= base;
    step += 1;
  }
  return `${rest.toFixed(decimals(Number(rest.toFixed(decimals(rest)))))}${gap}${names[step]}`;
}

function decimals(value: number): number {
  return Math.max(0, 3 - String(Math.trunc(Math.abs(value))).length);
}

export const bytes = (value: number): string => scaled(value, 1024, IEC, " ");
export const count = (value: number): string => scaled(value, 1000, SI, "");
export const exact = (value: number): string => value.toLocaleString("en-US");
export const share = (part: number, whole: number): string => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "");
/** `aten.convolution.default` is `convolution` to people. */
export const operator = (op: string): string => op.replace(/^aten\./, "").replace(/\.[^.]*$/, "");
