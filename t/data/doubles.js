/* node t/data/doubles.js >t/data/doubles.txt: bits of a double in hex, and ECMAScript's String() of it. */
'use strict';
const view = new DataView(new ArrayBuffer(8));
const seen = new Set();

function put(d) {
	view.setFloat64(0, d);
	const hex = view.getBigUint64(0).toString(16).padStart(16, '0');
	if (!Number.isFinite(d) || seen.has(hex))
		return;
	seen.add(hex);
	console.log(hex + ' ' + String(d));
}

function near(d) {
	view.setFloat64(0, d);
	const bits = view.getBigUint64(0);
	for (const step of [-1n, 0n, 1n]) {
		if (bits + step < 0n)
			continue;
		view.setBigUint64(0, bits + step);
		put(view.getFloat64(0));
	}
}

/* Zeros, ends of the range, limits of the form, known stumbling blocks of printing and of reading. */
for (const d of [0, -0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21, 1e-6, 1e-7, 123456789012345680000,
    9007199254740992, 9007199254740993, 18446744073709551616, 9223372036854775808, 4294967296, 0.1, 0.2, 0.3, 1 / 3, 2 / 3,
    5e-7, 1.5, 2.5, 0.5, 9.5e-7, 9.999999999999999e-7, 999999999999999900000, 1e20, 2.2250738585072011e-308,
    6.631236846766476e-316, 9.5367431640625e-7, 1e23, 9.5e22, 4.35, 1.005, 8.41e21, 2.0919495182368195e19,
    2.6153245263757307e19, 1.2999999999999999e-4, 5.764607523034235e39, 1.152921504606847e40, 2.305843009213694e40,
    9007199254740991, 4503599627370496.5, 299792458, 6.02214076e23, 1.602176634e-19, 3.14159, 100, 1000000, 35.85, 12.8])
	for (const x of [d, -d]) {
		put(x);
		near(Math.abs(x));
	}
for (let e = -1074; e <= 1023; e++)
	put(2 ** e);
for (let e = -323; e <= 308; e++)
	near(Number('1e' + e));
/* Integers around what is exact, and decimals near a tie. */
for (let i = 0; i < 64; i++) {
	near(2 ** 53 + i * 3);
	put((2 ** 53 - 1 - i) / 4);
	put((2 ** 53 - 1 - i) * 2 ** 10);
	put(i / 1000 + 1000);
	put((i * 7919 + 1) / 1e8);
}
let x = 88172645463325252n;
for (let i = 0; i < 500; i++) {
	x ^= (x << 13n) & 0xffffffffffffffffn;
	x ^= x >> 7n;
	x ^= (x << 17n) & 0xffffffffffffffffn;
	view.setBigUint64(0, x);
	put(view.getFloat64(0));
}
