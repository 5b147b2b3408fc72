package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.optim.Rounding;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class RoundedAwayTest {
    private static Optional<String> line(DType dtype, UnaryOperator<TuneConfigBuilder> change) {
        Path none = Path.of("none");
        TuneConfigBuilder run = Runs.config("llama", none, none).lr(1e-3).weightDecay(1);
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"))) {
            return RoundedAway.line(
                    change.apply(run).build().arithmetic(), checkpoint.layout(dtype));
        }
    }

    @Test
    void saysWhatNearestRoundingTakesBack() {
        assertThat(line(DType.BF16, run -> run).orElseThrow())
                .isEqualTo(
                        "weight decay of 0.0010 from one rounding to the next is lost:"
                                + " model.embed_tokens.weight of bfloat16, rounded to nearest,"
                                + " takes no notice of less than 0.0020 of itself; give"
                                + " --rounding stochastic");
        assertThat(line(DType.F16, run -> run.weightDecay(0.2))).isPresent();
    }

    @Test
    void saysNothingWhereDecayShows() {
        assertThat(line(DType.F16, run -> run)).isEmpty();
        assertThat(line(DType.F32, run -> run)).isEmpty();
        assertThat(line(DType.BF16, run -> run.foldEvery(2))).isEmpty();
        assertThat(line(DType.BF16, run -> run.weightDecay(0))).isEmpty();
        assertThat(line(DType.BF16, run -> run.rounding(Rounding.STOCHASTIC))).isEmpty();
    }
}
