package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.update.Update;
import java.util.List;

/** The arithmetic contract one element at a time, written without any of the code under test. */
final class ScalarOracle {
    private ScalarOracle() {}

    record Result(float stored, float seen) {}

    static float z(String direction, long seed, int tensorId, long element) {
        int[] words = new int[4];
        if (direction.equals("gaussian")) {
            return GaussianScalar.value(0x4D5A, seed, tensorId, element);
        }
        Philox4x32.block(seed, element / 128, tensorId, 0x4D5A, words);
        int bit = (int) (element % 128);
        return ((words[bit / 32] >>> (bit % 32)) & 1) == 1 ? 1f : -1f;
    }

    /** What is stored and what is seen after updates that follow step {@code applied}. */
    static Result fold(
            float value,
            List<Update> updates,
            int foldEvery,
            boolean flush,
            Rounding rounding,
            String direction,
            StoredTensor tensor,
            long element) {
        float p = value;
        float stored = value;
        for (Update update : updates) {
            if (!tensor.vector()) {
                p = p * update.decay().scale();
            }
            boolean adds = !tensor.vector() && update.decay().adds();
            float before = p;
            if (adds) {
                p = update.decay().added() * p;
            }
            for (Update.Term term : update.terms()) {
                double exact =
                        (double) term.coefficient()
                                        * z(direction, term.seed(), tensor.tensorId(), element)
                                + p;
                p =
                        Math.fma(
                                term.coefficient(),
                                z(direction, term.seed(), tensor.tensorId(), element),
                                p);
                if (Float.isFinite(p) && Math.abs(exact - p) > Math.ulp(p)) {
                    throw new AssertionError(exact + " against " + p);
                }
            }
            if (adds) {
                p = before + p;
            }
            boolean last = update.step() == updates.getLast().step();
            if (update.step() % foldEvery == 0 || (flush && last)) {
                p = round(p, tensor, rounding, update.seed(), element);
                stored = p;
            }
        }
        return new Result(stored, p);
    }

    static float round(float p, StoredTensor tensor, Rounding rounding, long seed, long element) {
        if (tensor.dtype() == DType.F32 || !Float.isFinite(p)) {
            return p;
        }
        double magnitude = Math.abs((double) p);
        double gap = gap(magnitude, tensor.dtype());
        double below = Math.floor(magnitude / gap) * gap;
        double share = (magnitude - below) / gap;
        boolean up;
        if (rounding == Rounding.NEAREST) {
            boolean odd = Math.floor(magnitude / gap) % 2 != 0;
            up = share > 0.5 || (share == 0.5 && odd);
        } else {
            int[] words = new int[4];
            Philox4x32.block(seed, element / 8, tensor.tensorId(), 0x4D5D, words);
            int draw = (words[(int) (element % 8) / 2] >>> (16 * (int) (element % 2))) & 0xFFFF;
            boolean coarse = tensor.dtype() == DType.F16 && magnitude >= 0x1p-14;
            int unit = coarse ? 8 : 1; // a half's 13 dropped bits see 13 bits of the draw
            up = share >= (0x10000 - draw / unit * unit) / 65536.0;
        }
        double rounded = up ? below + gap : below;
        double largest = tensor.dtype() == DType.F16 ? 65504 : 0x1.FEp127;
        return Math.copySign(rounded > largest ? Float.POSITIVE_INFINITY : (float) rounded, p);
    }

    private static double gap(double magnitude, DType dtype) {
        int mantissa = dtype == DType.F16 ? 10 : 7;
        int lowest = dtype == DType.F16 ? -14 : -126;
        int exponent = magnitude == 0 ? lowest : Math.max(lowest, Math.getExponent(magnitude));
        return Math.scalb(1.0, exponent - mantissa);
    }
}
