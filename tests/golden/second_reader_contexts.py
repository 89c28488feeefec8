"""The codec `contexts`, written from docs/format.md alone: slow, and as the page says it."""

from collections import defaultdict

K = """22 36 60 98 162 267 439 720 1179 1921 3108 4971 7812 11955 17625 24743 32768 40793 47911
53581 57724 60565 62428 63615 64357 64816 65097 65269 65374 65438 65476 65500 65514"""
K = [int(k) for k in K.split()]
EXPONENTS = {"float16": 5, "float32": 8, "float64": 11}


def squash(x):
    j, f = divmod(x + 2048, 128)
    return (K[j] * (128 - f) + K[j + 1] * f) // 128


SQUASHED = {x: squash(x) for x in range(-2048, 2048)}


def _stretches():
    x = -2048
    for q in range(4096):
        while x < 2047 and SQUASHED[x] // 16 < q:
            x += 1
        yield x


STRETCHED = list(_stretches())


class Decoder:
    """Arithmetic code, counters and weights."""

    def __init__(self, code):
        self.bytes, self.at = code, 4
        self.low, self.high = 0, 2**32 - 1
        self.code = int.from_bytes(bytes((*code, 0, 0, 0, 0)[:4]), "big")
        self.counters = defaultdict(lambda: (2**21, 0))
        self.weights = defaultdict(lambda: [20000] * 5)

    def bit(self, contexts, weight_set, limit):
        xs = [STRETCHED[self.counters[context][0] // 1024] for context in contexts]
        weights = self.weights[weight_set]
        total = sum(v * x for v, x in zip(weights, xs, strict=False)) // 65536
        chance = SQUASHED[min(max(total, -2048), 2047)]
        bit = self._coded(chance)
        for i, x in enumerate(xs):
            weights[i] += (6 * x * (65536 * bit - chance) + 2**19) // 2**20
        for context in contexts:
            p, c = self.counters[context]
            target = 2**22 - 1 if bit else 0
            p += (target - p) * (131072 // (2 * c + 3)) // 65536
            self.counters[context] = p, min(c + 1, limit)
        return bit

    def _coded(self, chance):
        middle = self.low + (self.high - self.low) * chance // 65536
        bit = int(self.code <= middle)
        self.low, self.high = (self.low, middle) if bit else (middle + 1, self.high)
        while self.low >> 24 == self.high >> 24:
            following = self.bytes[self.at] if self.at < len(self.bytes) else 0
            self.at += 1
            self.low = self.low * 256 % 2**32
            self.high = self.high * 256 % 2**32 + 255
            self.code = self.code * 256 % 2**32 + following
        return bit


def read_contexts(code, rest, tiny, out, runs):
    """Fill `out`, all zeros, from the streams; `runs` are (size, start, row, kernel)."""
    width = out.itemsize * 8
    top_bits = min(12, width - 1)
    rest_bits = width - 1 - top_bits
    shift = max(top_bits - EXPONENTS.get(out.dtype.name, 1) - 2, 0)
    rests = iter(() if rest is None else rest.tolist())
    tinies = rests if tiny is None else iter(tiny.tolist())
    decoder, words = Decoder(code), []
    for number, run in enumerate(runs):
        for symbol in read_run(decoder, number, run, top_bits, shift):
            if symbol is None:
                words.append(0)
                continue
            sign, top = symbol
            low = next(rests if top else tinies) if rest_bits else 0
            assert low < 2**rest_bits
            magnitude = top << rest_bits | low
            assert sign or magnitude
            if out.dtype.kind == "i" and sign and magnitude:
                words.append(2**width - magnitude)
            else:
                words.append(sign << width - 1 | magnitude)
    assert decoder.at == len(code)
    assert next(rests, None) is next(tinies, None) is None
    out.view(f"<u{out.itemsize}")[:] = words


def read_run(decoder, number, run, top_bits, shift):
    """Yield None for a zero, else sign and top."""
    size, start, row, kernel = run
    masks, signs, levels = {}, {}, {}
    for i in range(size):
        line, column = divmod(start % row + i, row)

        def z(distance, i=i):
            return masks.get(i - distance, 0)

        def g(distance, i=i):
            return signs.get(i - distance, 0)

        def l(distance, i=i):  # noqa: E743 -- its name on the page
            return levels.get(i - distance, 0)

        inner = column >= kernel
        z_before, l_before = (z(kernel), l(kernel)) if inner else (0, 0)
        around = z(1), z(2), z(3), z(row), z(row + 1), row > 1 and z(row - 1), z(2 * row), z_before
        contexts = [
            ("row", number, line),
            ("column", number, column),
            ("past", *(z(d) for d in range(1, 13))),
            ("around", *around),
        ]
        if kernel > 1:
            contexts.append(("filter", number, line, column // kernel))
        masks[i] = decoder.bit(contexts, ("mask", z(1), z(row), z_before), 255)
        if not masks[i]:
            yield None
            continue
        group = column // kernel if kernel > 1 else 0
        contexts = [
            ("signs", g(1), g(2), g(3), g(4)),
            ("sign of filter", number, line, group, g(1)),
            ("sign of column", number, column, g(1)),
        ]
        sign = decoder.bit(contexts, ("sign", z(1), z(row)), 255)
        crowd = sum(z(d) for d in range(15))
        top, sofar = 0, ()
        for which in range(top_bits):
            contexts = [
                ("crowd", sofar, crowd),
                ("left", sofar, l(1), l(2)),
                ("above", sofar, l(row), l_before),
            ]
            bit = decoder.bit(contexts, ("top", which), 1023)
            sofar, top = (*sofar, bit), top * 2 + bit
        signs[i], levels[i] = 1 + sign, 8 + (top >> shift) % 8
        yield sign, top
