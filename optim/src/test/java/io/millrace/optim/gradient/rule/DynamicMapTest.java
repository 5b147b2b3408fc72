package io.millrace.optim.gradient.rule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.optim.gradient.TensorTurn;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Bytes and what they stand for. */
final class DynamicMapTest {
    @Test
    void valuesAreThePublishedOnes() {
        DynamicMap signed = DynamicMap.SIGNED;
        assertThat(signed.value(0)).isEqualTo((float) -0.99296875);
        assertThat(signed.value(1)).isEqualTo((float) -0.97890625);
        assertThat(signed.value(126)).isCloseTo(-5.5e-7f, within(1e-13f));
        assertThat(signed.value(127)).isZero();
        assertThat(signed.value(128)).isCloseTo(5.5e-7f, within(1e-13f));
        assertThat(signed.value(129)).isCloseTo(3.25e-6f, within(1e-12f));
        assertThat(signed.value(254)).isEqualTo((float) 0.99296875);
        assertThat(signed.value(255)).isEqualTo(1f);
        DynamicMap unsigned = DynamicMap.UNSIGNED;
        assertThat(unsigned.value(0)).isZero();
        assertThat(unsigned.value(1)).isCloseTo(3.25e-7f, within(1e-13f));
        assertThat(unsigned.value(2)).isCloseTo(7.75e-7f, within(1e-13f));
        assertThat(unsigned.value(254)).isEqualTo((float) 0.996484375);
        assertThat(unsigned.value(255)).isEqualTo(1f);
    }

    @Test
    void aValueHasTheCodeOfTheNearest() {
        Random random = new Random(3);
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int code = 0; code < 256; code++) {
                assertThat(map.code(map.value(code))).isEqualTo(code);
            }
            for (int i = 0; i < 2000; i++) {
                float least = map == DynamicMap.SIGNED ? -1 : 0;
                float value = least + (1 - least) * random.nextFloat();
                value *= i % 2 == 0 ? 1 : 1e-3f;
                float off = Math.abs(map.value(map.code(value)) - value);
                for (int code = 0; code < 256; code++) {
                    assertThat(off).isLessThanOrEqualTo(Math.abs(map.value(code) - value) + 1e-9f);
                }
            }
        }
    }

    /** Where codes meet is where a table by a float's upper bits would be off by one. */
    @Test
    void codesMeetInTheMiddleToTheBit() {
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int code = 0; code < 255; code++) {
                float middle = (float) (((double) map.value(code) + map.value(code + 1)) / 2);
                assertThat(map.code(middle)).isEqualTo(code);
                assertThat(map.code(Math.nextUp(middle))).isEqualTo(code + 1);
            }
            assertThat(map.code(Float.MIN_VALUE)).isEqualTo(map.code(0));
            assertThat(map.code(-Float.MIN_VALUE)).isEqualTo(map.code(0));
            assertThat(map.code(Math.nextUp(1f))).isEqualTo(255);
        }
    }

    @Test
    void manyAtOnceAreAsOneAfterAnother() {
        Random random = new Random(11);
        for (DynamicMap map : new DynamicMap[] {DynamicMap.SIGNED, DynamicMap.UNSIGNED}) {
            for (int count : new int[] {1, 7, 16, 250, 256}) {
                float largest = 1e-3f + random.nextFloat();
                float[] values = new float[count + 3];
                for (int i = 0; i < values.length; i++) {
                    float share = (float) Math.pow(10, -9 * random.nextDouble());
                    values[i] = map == DynamicMap.SIGNED && i % 3 == 0 ? -share : share;
                    values[i] = i % 17 == 0 ? -0f : values[i] * largest;
                }
                float[] codes = new float[values.length];
                float[] back = new float[values.length];
                int[] places = new int[count];
                map.codes(values, 2, count + 2, largest, codes, places);
                map.values(codes, 2, count + 2, largest, back, places);
                for (int i = 2; i < count + 2; i++) {
                    int code = map.code(values[i], largest);
                    assertThat(codes[i]).isEqualTo(code);
                    assertThat(back[i]).isEqualTo(map.value(code) * largest);
                }
                assertThat(codes[1]).isZero();
                assertThat(codes[count + 2]).isZero();
            }
        }
    }

    /** A moment below 0 that is next to nothing beside its block's largest stays below 0. */
    @Test
    void aFirstMomentKeepsItsSign() {
        AdamW8bit rule = new AdamW8bit(new AdamW(0.9, 0.999, 1e-8));
        List<Long> shape = List.of(3L);
        TiledTensor tensor = new TiledTensor(rule, shape, new float[3], 1, new Random(1));
        tensor.step(new TensorTurn(1, 1, 0.1, 0, shape, 7), new float[] {-10, -1e-9f, 0});
        assertThat(tensor.states()[0]).containsExactly(0f, 126f, 127f);
        assertThat(tensor.states()[1]).containsExactly(255f, 0f, 0f);
        assertThat(tensor.states()[2]).containsExactly(1f);
        assertThat(tensor.states()[3][0]).isCloseTo(0.1f, within(1e-7f));
    }
}
