// Codes and pointers as people read them.

/** "/customer/email" → "customer › email"; RFC 6901's ~1 and ~0 are / and ~ again. */
export function argument(pointer) {
  const text = String(pointer);
  if (!text.startsWith("/")) return text;
  return text.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(" › ");
}

/** "refund_over_50" → "Refund over 50" */
export function sentence(code) {
  const text = String(code ?? "").replaceAll(/[_.]+/g, " ").trim();
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** count(2, "step") → "2 steps" */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
