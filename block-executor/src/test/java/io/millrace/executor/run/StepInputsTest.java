package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.HiftGroups;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.schedule.LrSchedule;
import io.millrace.optim.schedule.Schedules;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Rates of a run's steps. */
class StepInputsTest {
    private static final ModelUnits FIVE = new ModelUnits(3, false);

    /** Of twelve steps, by hundredths. */
    private static List<Long> rates(String blocks, String schedule, long warmup) {
        Settings told =
                Settings.NONE
                        .with(ArithmeticConfig.STEPS, 12L)
                        .with(ArithmeticConfig.LR, 1.0)
                        .with(ArithmeticConfig.WARMUP, warmup)
                        .with(Schedules.NAMING, schedule)
                        .with(Participations.KINDS.naming(), blocks);
        ArithmeticConfig arithmetic =
                new ArithmeticConfig(
                        blocks.equals(HiftGroups.NAME) ? told.with(HiftGroups.GROUP, 2) : told);
        LrSchedule rates = StepInputs.rates(arithmetic, arithmetic.lr(), FIVE);
        return LongStream.rangeClosed(1, 12)
                .mapToObj(step -> Math.round(100 * rates.at(step, 12)))
                .toList();
    }

    @Test
    void aCycleOfTurnsHasOneRate() {
        assertThat(rates("hift", "linear", 0))
                .containsExactly(100L, 100L, 100L, 75L, 75L, 75L, 50L, 50L, 50L, 25L, 25L, 25L);
        assertThat(rates("hift", "constant", 0)).containsOnly(100L);
    }

    /** One that ends within a cycle rises until the cycle ends. */
    @Test
    void aWarmUpIsOfWholeCycles() {
        List<Long> two = List.of(50L, 50L, 50L, 100L, 100L, 100L);
        assertThat(rates("hift", "linear", 6).subList(0, 6)).isEqualTo(two);
        assertThat(rates("hift", "linear", 4)).isEqualTo(rates("hift", "linear", 6));
        assertThat(rates("hift", "linear", 3)).isEqualTo(rates("hift", "linear", 1));
        assertThat(rates("hift", "linear", 6).subList(6, 12))
                .containsExactly(100L, 100L, 100L, 50L, 50L, 50L);
    }

    @Test
    void anotherRunCountsSteps() {
        assertThat(rates("all", "linear", 2))
                .containsExactly(50L, 100L, 100L, 90L, 80L, 70L, 60L, 50L, 40L, 30L, 20L, 10L);
    }
}
