package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.objective.LogitsSink;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Logits where products read bfloat16. */
final class BFloat16ForwardTest {
    private static final int TOKENS = 21; // no multiple of what rows are padded to

    @TempDir Path temp;

    static List<String> folders() {
        return Golden.FOLDERS;
    }

    @BeforeEach
    void needsProducts() {
        assumeTrue(Gemm.multipliesBFloat16());
    }

    @ParameterizedTest
    @MethodSource("folders")
    void logitsDifferFromFloat32AsMuchAsEightBitsDo(String name) {
        float[] exact = logits(Golden.path(name), DType.F32, Matmul.NATIVE);
        float[] rounded = logits(Golden.path(name), DType.F32, Matmul.BF16);
        double errors = 0;
        double squares = 0;
        for (int cell = 0; cell < exact.length; cell++) {
            errors += Math.pow(rounded[cell] - exact[cell], 2);
            squares += Math.pow(exact[cell], 2);
        }
        // Each operand is off by 2^-9 of itself at most; a few layers of products add up.
        assertThat(Math.sqrt(errors / squares)).isBetween(1e-4, 1e-2);
    }

    /** Stored bfloat16 is read as it is; widened to float32 it is formed and rounded. */
    @Test
    void readingStoredBytesHasTheBitsOfRoundingThem() throws IOException {
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", Golden.json("llama/config.json")),
                DType.BF16,
                5,
                model,
                bytes -> {});
        assertThat(logits(model, DType.BF16, Matmul.BF16))
                .isEqualTo(logits(model, DType.F32, Matmul.BF16));
    }

    private static float[] logits(Path model, DType stored, Matmul products) {
        Arithmetic arithmetic =
                new Arithmetic(
                        new GaussianDirection(), false, false, Rounding.NEAREST, 1, products);
        ScratchSize size = ScratchSize.batches(1, 1, TOKENS, Questions.each(1, 1));
        try (ModelSession session =
                ModelSession.open(model, Optional.of(stored), MemoryConfig.DEFAULT)) {
            Forward forward =
                    session.plan(
                                    size,
                                    arithmetic,
                                    BlockOrigin.of(session.checkpoint(), session.layout()),
                                    false)
                            .start(Optional.empty(), 1)
                            .forward();
            int width = session.checkpoint().program().vocabSize();
            try (HostSlab slab =
                    new HostMemory(session.ledger())
                            .allocate("logits", MicroBatch.withSlack(TOKENS) * width * 4)) {
                forward.run(
                        ForwardRequest.plain(List.of(batch(width)), new UpdateLog(new MezoSgd())),
                        new LogitsSink(
                                new Variants(new Floats(slab.segment(), 0), 0, width),
                                new int[] {0}));
                return slab.segment()
                        .asSlice(0, (long) TOKENS * width * Float.BYTES)
                        .toArray(ValueLayout.JAVA_FLOAT);
            }
        }
    }

    private static MicroBatch batch(int vocabulary) {
        Random random = new Random(8);
        int[] ids = new int[TOKENS];
        int[] rows = new int[TOKENS];
        int[] targets = new int[TOKENS];
        for (int token = 0; token < TOKENS; token++) {
            ids[token] = random.nextInt(vocabulary);
            rows[token] = token;
            targets[token] = -1;
        }
        return new MicroBatch(ids, Sequences.fresh(new int[] {0, TOKENS}), rows, targets);
    }
}
