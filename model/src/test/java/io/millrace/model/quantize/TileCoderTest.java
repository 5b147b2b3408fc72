package io.millrace.model.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * CodeBook against a program in float64 that was written from the papers and the forms'
 * descriptions.
 */
class TileCoderTest {
    private static final int ROWS = 8;
    private static final int INPUTS = 64;
    private static final int TOKENS = 40;
    private static final int GROUP = 32;
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private final float[] weights = weights();
    private final float[] tokens = tokens();

    @ParameterizedTest
    @ValueSource(strings = {"int4", "int8", "nf4", "fp8"})
    void nearestCodesAreTheOraclesToTheLast(String name) throws IOException {
        CodedTile tile = code(name, Optional.empty());
        assertThat(tile.codes()).isEqualTo(hex(name, "nearest"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"int4", "int8", "nf4", "fp8"})
    void calibratedCodesAreTheOraclesButForTies(String name) throws IOException {
        InputMoments moments = new InputMoments(INPUTS, INPUTS);
        moments.add(tokens, TOKENS);
        CodedTile tile = code(name, Optional.of(Feedback.of(moments, 0.01)));
        byte[] expected = hex(name, "gptq");
        int different = 0;
        for (int at = 0; at < expected.length; at++) {
            different += tile.codes()[at] == expected[at] ? 0 : 1;
        }
        assertThat(different).isLessThan(expected.length / 50);
        double lost = lost(name, tile);
        assertThat(lost).isCloseTo(golden(name).number("gptq_lost"), within(lost / 50));
        assertThat(lost).isLessThan(0.8 * lost(name, code(name, Optional.empty())));
    }

    @Test
    void scalesOfACalibratedTileAreNeverZero() {
        Arrays.fill(weights, 0);
        for (QuantForm form : QuantForms.ALL) {
            for (float scale : code(form.name(), Optional.empty()).scales()) {
                assertThat(scale).isPositive().isFinite();
            }
        }
    }

    @Test
    void momentsAreTheBlocksOfAWholeProduct() {
        InputMoments moments = new InputMoments(INPUTS, 24);
        moments.add(tokens, 3);
        moments.add(Arrays.copyOfRange(tokens, 3 * INPUTS, tokens.length), TOKENS - 3);
        for (int window = 0; window < moments.windows(); window++) {
            double[][] block = moments.block(window);
            for (int i = 0; i < block.length; i++) {
                for (int j = 0; j < block.length; j++) {
                    assertThat(block[i][j])
                            .isCloseTo(moment(window * 24 + i, window * 24 + j), within(1e-5));
                }
            }
        }
    }

    @Test
    void theFactorIsOfTheInverse() {
        SplittableRandom random = new SplittableRandom(3);
        int n = 17;
        double[][] h = new double[n][n];
        for (int t = 0; t < 40; t++) {
            double[] x = random.doubles(n, -1, 1).toArray();
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    h[i][j] += x[i] * x[j];
                }
            }
        }
        double[][] used = Arrays.stream(h).map(double[]::clone).toArray(double[][]::new);
        float[] u = Feedback.inverseFactor(used);
        // Uᵀ U H = 1
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < n; k++) {
                    double inverse = 0;
                    for (int m = 0; m < n; m++) {
                        inverse += (double) u[m * n + i] * u[m * n + k];
                    }
                    sum += inverse * h[k][j];
                }
                assertThat(sum).isCloseTo(i == j ? 1 : 0, within(1e-4));
                assertThat(i > j ? u[i * n + j] : 0).isZero();
            }
        }
    }

    @Test
    void float8HasItsPublishedNumbers() {
        int[] codes = {0x01, 0x07, 0x08, 0x38, 0x3C, 0x40, 0x7E, 0xFE, 0x00};
        float[] values = {0x1p-9f, 7 * 0x1p-9f, 0x1p-6f, 1, 1.5f, 2, 448, -448, 0};
        for (int i = 0; i < codes.length; i++) {
            assertThat(Float8CodeBook.decode(codes[i])).isEqualTo(values[i]);
            assertThat(Float8CodeBook.encode(values[i])).isEqualTo(codes[i]);
        }
        for (int code = 0; code < 256; code++) {
            float value = Float8CodeBook.decode(code);
            if (!Float.isNaN(value) && value != 0) {
                assertThat(Float8CodeBook.encode(value)).isEqualTo(code);
            }
        }
        assertThat(Float8CodeBook.encode(1000)).isEqualTo(0x7E);
        assertThat(Float8CodeBook.encode(1.0625f)).isEqualTo(0x38); // a tie, to even
        assertThat(Float8CodeBook.encode(1.1875f)).isEqualTo(0x3A);
    }

    private CodedTile code(String name, Optional<Feedback> feedback) {
        QuantMatrix matrix = new QuantMatrix("w.weight", ROWS, INPUTS);
        TileCoder coder = new TileCoder(QuantForms.find(name).orElseThrow(), GROUP);
        return coder.code(matrix, INPUTS, 0, ROWS, weights.clone(), feedback);
    }

    private double lost(String name, CodedTile tile) {
        CodeBook codes = QuantForms.find(name).orElseThrow().codes();
        int groups = INPUTS / GROUP;
        double sum = 0;
        for (int row = 0; row < ROWS; row++) {
            double[] error = new double[INPUTS];
            for (int column = 0; column < INPUTS; column++) {
                int first = name.equals("fp8") ? 0 : row * groups;
                float scale = tile.scales()[first + column / GROUP];
                error[column] =
                        (double) weights[row * INPUTS + column]
                                - codes.value(tile.code(row, column), scale);
            }
            for (int i = 0; i < INPUTS; i++) {
                for (int j = 0; j < INPUTS; j++) {
                    sum += error[i] * moment(i, j) * error[j];
                }
            }
        }
        return sum;
    }

    private double moment(int i, int j) {
        double sum = 0;
        for (int token = 0; token < TOKENS; token++) {
            sum += (double) tokens[token * INPUTS + i] * tokens[token * INPUTS + j];
        }
        return sum;
    }

    private static double number(long place, long salt) {
        return (((place + salt) * GAMMA) >>> 40) / (double) (1 << 24) - 0.5;
    }

    private static float[] weights() {
        float[] weights = new float[ROWS * INPUTS];
        for (int at = 0; at < weights.length; at++) {
            weights[at] = (float) (number(at, 1) * number(at, 77777) * 4);
        }
        return weights;
    }

    /** Rows of a few hidden numbers mixed, so that inputs can make up for one another. */
    private static float[] tokens() {
        int hidden = 8;
        float[] tokens = new float[TOKENS * INPUTS];
        for (int at = 0; at < tokens.length; at++) {
            double sum = 0.1 * number(at, 11);
            for (int k = 0; k < hidden; k++) {
                long place = (long) k * INPUTS + at % INPUTS;
                sum += number((long) at / INPUTS * hidden + k, 5) * number(place, 9);
            }
            tokens[at] = (float) sum;
        }
        return tokens;
    }

    private static byte[] hex(String name, String field) throws IOException {
        return HexFormat.of().parseHex(golden(name).string(field));
    }

    private static JsonObject golden(String name) throws IOException {
        try (InputStream in = TileCoderTest.class.getResourceAsStream("/quantize/codes.json")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return Json.parseObject(text).object(name);
        }
    }
}
