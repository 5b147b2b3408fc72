package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.Lane;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class FindingsTest {
    private static final BudgetAdvisor ARITHMETIC = new BytesPerLane();

    @Test
    void namesTheLaneThatIsWaitedForAndTheBudgetThatWouldHideIt() {
        // Of 8 blocks: reading takes 160 ms a step, computing 80: a little over half must stay.
        Profile profile = new MadeUpRun(8).taking(20, 10, 0, 0).profile(1, 3);

        Findings findings = Findings.of(profile, ARITHMETIC);

        // 300 MiB + 800 MiB x (1 - 0.95 x 80 / 160) = 720 MiB
        assertThat(findings.headline())
                .isEqualTo(
                        "This run waits for nvme-read 67 % of the time;"
                                + " a host budget of 720 MiB would hide it.");
        assertThat(findings.details().getFirst())
                .startsWith("The busiest lane is nvme-read, at work 67 % of a step");
    }

    @Test
    void asksForNoMoreThanHoldsEveryBlock() {
        Profile profile = new MadeUpRun(4).taking(1000, 1, 0, 0).withoutBudget().profile(0, 1);

        BudgetAdvisor.Advice advice = ARITHMETIC.advise(profile).orElseThrow();

        // Without a budget it counts from the peak of 200 MiB.
        assertThat(advice.bytes()).isLessThanOrEqualTo(600L << 20);
        assertThat(advice.tier()).isEqualTo("host");
        assertThat(
                        Findings.of(
                                        profile,
                                        p ->
                                                Optional.of(
                                                        new BudgetAdvisor.Advice(
                                                                "host", 1 << 30, true)))
                                .headline())
                .endsWith("a host budget of 1.0 GiB would hold every block.");
    }

    @Test
    void saysThatAFastLaneStartsTooLate() {
        Profile profile = new MadeUpRun(4).taking(4, 10, 2, 0).profile(0, 2);

        assertThat(Findings.of(profile, ARITHMETIC).headline())
                .isEqualTo(
                        "This run waits for nvme-read 25 % of the time; the lane is fast enough but"
                                + " starts too late: a larger --prefetch or host budget lets it run"
                                + " ahead.");
        Profile serial = new MadeUpRun(4).taking(4, 10, 2, 0).ahead(0).profile(0, 2);
        assertThat(Findings.of(serial, ARITHMETIC).headline()).contains("leave out --no-overlap");
    }

    @Test
    void saysThatOnlyComputationCountsWhereNothingWaits() {
        Profile resident = new MadeUpRun(4).taking(0, 10, 0, 0).profile(0, 2);

        assertThat(Findings.of(resident, ARITHMETIC).headline())
                .isEqualTo("This run computes 100 % of the time; nothing has to move.");
        Profile nearly = new MadeUpRun(4).taking(1, 999, 0, 0).profile(0, 2);
        assertThat(Findings.of(nearly, ARITHMETIC).headline())
                .isEqualTo(
                        "This run computes 99.9 % of the time; moving its blocks costs it 0.1 %.");
    }

    @Test
    void namesTheBlockBeforeWhichMostOfTheWaitingLies() {
        Profile even = new MadeUpRun(8).taking(20, 10, 0, 0).profile(0, 1);
        Profile uneven = new MadeUpRun(8).taking(20, 10, 0, 0).readingOnly(3).profile(0, 1);

        assertThat(Findings.of(even, ARITHMETIC).details()).hasSize(1);
        assertThat(Findings.of(uneven, ARITHMETIC).details().get(1))
                .isEqualTo("100 % of the waiting is before one block: layer 3, 20.0 ms a step.");
    }

    @Test
    void blamesNoLaneForWorkBetweenComputations() {
        Profile profile = new MadeUpRun(4).taking(1, 10, 0, 9).profile(0, 2);

        assertThat(Findings.of(profile, ARITHMETIC).headline())
                .startsWith("No lane holds this run up: 45 % of the time goes to work between");
    }

    @Test
    void countsOnlyTheStepsAfterTheWarmOnes() {
        Profile profile = new MadeUpRun(3).profile(2, 4);

        assertThat(profile.steps()).hasSize(4);
        assertThat(profile.steps().getFirst().metrics().step()).isEqualTo(3);
        assertThat(profile.stepSeconds()).isEqualTo(0.051);
        assertThat(profile.meanUse(Lane.NVME_READ).bytes()).isEqualTo(3 * MadeUpRun.BLOCK_BYTES);
        assertThat(profile.blockSeconds()[1]).containsExactly(0.004, 0, 0.010, 0, 0.002);
        // Read and a millisecond of its own before it, and the write of the block before.
        assertThat(profile.blockWaitSeconds()[1]).isEqualTo(0.007);
    }

    @Test
    void tellsTheDaysThatADriveBears() {
        Profile profile = new MadeUpRun(10).profile(0, 2);

        Wear wear = Wear.of(profile, OptionalLong.of(600_000_000_000_000L));

        assertThat(wear.bytesPerStep()).isEqualTo(10 * MadeUpRun.BLOCK_BYTES);
        assertThat(wear.bytesPerDay()).isEqualTo(wear.bytesPerStep() * 86_400 / 0.170);
        assertThat(wear.days()).isEqualTo(600e12 / wear.bytesPerDay());
        assertThat(Wear.of(profile, OptionalLong.empty()).days()).isNaN();
    }

    @Test
    void writesSizesThatReadAsTheyAre() {
        assertThat(Units.bytes((double) Units.roundUp((long) (9.31 * (1L << 30)))))
                .isEqualTo("9.4 GiB");
        assertThat(Units.bytes((double) Units.roundUp(100L << 20))).isEqualTo("100 MiB");
        assertThat(Units.roundUp((100L << 20) + 1)).isEqualTo(101L << 20);
        assertThat(List.of(Units.percent(0.38), Units.percent(0.004), Units.percent(0.9999)))
                .containsExactly("38 %", "0.4 %", "100.0 %");
        assertThat(Units.roundUp(17)).isEqualTo(17);
    }
}
