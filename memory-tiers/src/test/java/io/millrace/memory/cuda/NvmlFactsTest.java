package io.millrace.memory.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class NvmlFactsTest {
    private static NvmlFacts facts(
            PcieLink link, PcieLink systemLink, int cardGeneration, int watts, int usualWatts) {
        return new NvmlFacts(
                "Card",
                "590.12",
                80L << 30,
                79L << 30,
                link,
                systemLink,
                cardGeneration,
                watts,
                usualWatts,
                1410,
                1980,
                List.of());
    }

    @Test
    void aCardAtItsBestHasNoGaps() {
        PcieLink full = new PcieLink(5, 16);
        assertThat(facts(full, full, 5, 700, 700).gaps("cuda:0")).isEmpty();
    }

    @Test
    void aNarrowOrSlowLinkIsAGapWithItsMend() {
        PcieLink full = new PcieLink(5, 16);
        for (PcieLink link : List.of(new PcieLink(5, 8), new PcieLink(3, 16))) {
            assertThat(facts(link, full, 5, 700, 700).gaps("cuda:1"))
                    .singleElement()
                    .asString()
                    .contains("cuda:1", link.describe(), "PCIe 5 x16", "; reseat");
        }
    }

    @Test
    void anOldSlotAndALowPowerLimitAreGaps() {
        PcieLink old = new PcieLink(3, 16);
        List<String> gaps = facts(old, old, 4, 250, 350).gaps("cuda:0");
        assertThat(gaps).hasSize(2);
        assertThat(gaps.getFirst()).contains("could do PCIe 4", "slot does 3");
        assertThat(gaps.getLast()).contains("250 W of 350", "nvidia-smi -pl 350");
    }

    @Test
    void whatNobodyTellsIsNeitherAGapNorPrinted() {
        NvmlFacts facts = facts(new PcieLink(0, 0), new PcieLink(4, 16), 4, 0, 300);
        assertThat(facts.gaps("cuda:0")).isEmpty();
        assertThat(facts.describe()).isEqualTo("driver 590.12, 79.00GiB free, 1410 MHz of 1980");
    }

    @Test
    void faultsThatHoldTheClockAreToldOnceEachAndIdlenessIsNone() {
        assertThat(NvmlFacts.Slowdown.of(0x1 | 0x2 | 0x4)).isEmpty();
        assertThat(NvmlFacts.Slowdown.of(0x60))
                .containsExactly(NvmlFacts.Slowdown.DRIVER_HEAT, NvmlFacts.Slowdown.CARD_HEAT);
        NvmlFacts facts =
                new NvmlFacts(
                        "Card",
                        "1",
                        1,
                        1,
                        new PcieLink(0, 0),
                        new PcieLink(0, 0),
                        0,
                        0,
                        0,
                        0,
                        0,
                        NvmlFacts.Slowdown.of(0xE0));
        assertThat(facts.gaps("cuda:0"))
                .hasSize(2)
                .allSatisfy(gap -> assertThat(gap).contains(";"));
    }
}
