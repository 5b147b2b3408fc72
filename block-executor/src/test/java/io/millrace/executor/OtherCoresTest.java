package io.millrace.executor;

import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Directions of thin factors other than LOZO's. */
class OtherCoresTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({
        // model, dtype, direction, rank, window, folds every, queries
        "llama, float32, subspace, 5, 3, 3, 2",
        "llama, float32, members, 1, 3, 1, 3",
        "gpt2, bfloat16, members, 3, 2, 2, 2",
        "opt-350m, float32, projected, 7, 3, 3, 2",
        "gpt2, bfloat16, projected, 5, 4, 2, 1",
        "opt, bfloat16, subspace, 9, 4, 2, 1",
        "gpt2, float32, tezo, 6, 3, 3, 2",
        "opt-350m, float32, subspace, 70, 2, 1, 1"
    })
    void followsTheRunThatFormsItsDirections(
            String name,
            String dtype,
            String direction,
            int rank,
            int window,
            int foldEvery,
            int queries)
            throws IOException {
        LowRankTest reference = new LowRankTest();
        reference.temp = folder;
        reference.check(
                name, DType.find(dtype).orElseThrow(), direction, rank, window, foldEvery, queries);
    }
}
