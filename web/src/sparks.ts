// Sparks and money: decimal text in and out, whole thousandths and cents in between. Never a float.

const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]{1,3}))?$/;

/** Reads an amount as thousandths of a Spark, which can be compared and added. */
export function milli(sparks: string): bigint {
  const [, sign, whole, places = ''] = DECIMAL.exec(sparks) ?? [];
  if (whole === undefined) {
    throw new Error(`not an amount of Sparks: ${sparks}`);
  }
  const amount = BigInt(whole + places.padEnd(3, '0'));
  return sign === '-' ? -amount : amount;
}

/** Formats thousandths as the API does, such as `137.172`. */
export function decimal(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(4, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });
const columns = new Intl.NumberFormat('en', { minimumFractionDigits: 3 });
const dollars = new Intl.NumberFormat('en', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 18,
});

/** Formats Sparks for a sentence: `9,864.25`. */
export function spoken(sparks: string): string {
  return numbers.format(exact(sparks));
}

/** Formats Sparks for a column of numbers, with all three places: `9,864.250`. */
export function printed(sparks: string): string {
  return columns.format(exact(sparks));
}

/** Formats decimal text as US dollars, with all its places. */
export function usd(amount: string): string {
  return dollars.format(exact(amount));
}

/** Formats whole cents as US dollars. */
export function price(cents: number): string {
  const digits = BigInt(cents).toString().padStart(3, '0');
  return usd(`${digits.slice(0, -2)}.${digits.slice(-2)}`);
}

/** Formats a count, such as a number of tokens. */
export function count(things: number): string {
  return numbers.format(things);
}

// A string is formatted digit by digit; a number would be rounded first.
function exact(amount: string): Intl.StringNumericLiteral {
  return amount as Intl.StringNumericLiteral;
}
