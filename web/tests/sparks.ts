// Reading and formatting amounts. No browser is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimal, milli, price, printed, spoken, usd } from '../src/sparks';

test('amounts are exact, however large', () => {
  assert.equal(milli('9007199254740993.137'), 9007199254740993137n);
  assert.equal(decimal(9007199254740993137n), '9007199254740993.137');
  assert.equal(spoken('9007199254740993.137'), '9,007,199,254,740,993.137');
});

test('amounts survive a round trip, also below zero', () => {
  for (const [text, amount] of [
    ['0.000', 0n],
    ['0.001', 1n],
    ['-0.250', -250n],
    ['-12.000', -12000n],
  ] as const) {
    assert.equal(milli(text), amount);
    assert.equal(decimal(amount), text);
  }
});

test('text that is not an amount is refused', () => {
  for (const text of ['', '1e3', '0.1234', 'NaN', '1,000', '--1']) {
    assert.throws(() => milli(text), /not an amount/);
  }
});

test('a sentence drops trailing zeros, and a column keeps them', () => {
  assert.equal(spoken('10000.000'), '10,000');
  assert.equal(spoken('-137.250'), '-137.25');
  assert.equal(printed('10000.000'), '10,000.000');
});

test('prices show whole cents, and costs keep all decimal places', () => {
  assert.equal(price(500), '$5.00');
  assert.equal(price(5), '$0.05');
  assert.equal(price(123_456), '$1,234.56');
  assert.equal(usd('0.000000000000000001'), '$0.000000000000000001');
});
