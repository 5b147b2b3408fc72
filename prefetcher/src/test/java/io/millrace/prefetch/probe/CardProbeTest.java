package io.millrace.prefetch.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.cuda.HostCuda;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.memory.cuda.NvmlFacts;
import io.millrace.memory.cuda.PcieLink;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CardProbeTest {
    private static final NvmlFacts HALF_A_LINK =
            new NvmlFacts(
                    "Half",
                    "590.1",
                    1L << 30,
                    1L << 29,
                    new PcieLink(4, 8),
                    new PcieLink(4, 16),
                    4,
                    300,
                    300,
                    1000,
                    2000,
                    List.of());

    private static CardProbe.Result probe(HostCudaOptions options, List<String> said)
            throws Exception {
        try (HostCuda driver = new HostCuda(options, (image, name) -> null);
                AutoCloseable installed = driver.install()) {
            assertThat(installed).isNotNull();
            CardProbe.Result result = CardProbe.run(said::add);
            driver.requireNothingLeft();
            return result;
        }
    }

    @Test
    void aCardHasRatesFactsAndTheGapsOfItsLink() throws Exception {
        List<String> said = new ArrayList<>();
        CardProbe.Result result = probe(HostCudaOptions.defaults().withNvml(HALF_A_LINK), said);
        CardProbe.Card card = result.cards().getFirst();
        assertThat(card.h2dBytesPerSecond()).isPositive();
        assertThat(card.d2hBytesPerSecond()).isPositive();
        assertThat(card.pinned()).isTrue();
        assertThat(card.fields())
                .containsEntry("name", "cuda:0")
                .containsEntry("product", "Half")
                .containsEntry("compute_capability", 9.0)
                .containsEntry("cuda_version", "13.1")
                .containsEntry("pcie_lanes", 8)
                .containsEntry("most_pcie_lanes", 16)
                .doesNotContainKey("nvml");
        assertThat(result.gaps()).singleElement().asString().contains("PCIe 4 x8", "PCIe 4 x16");
        assertThat(said).containsExactly("copies to cuda:0");
    }

    @Test
    void withoutNvmlTheFactsAreTheDriversAndNothingIsAGap() throws Exception {
        CardProbe.Result result = probe(HostCudaOptions.defaults(), new ArrayList<>());
        assertThat(result.gaps()).isEmpty();
        assertThat(result.cards().getFirst().fields())
                .containsEntry("product", "Host CUDA 0")
                .containsEntry("nvml", "a fake has none")
                .doesNotContainKey("pcie_lanes");
    }

    @Test
    void aCardWithoutRoomIsAGapAndNoFailure() throws Exception {
        CardProbe.Result result =
                probe(HostCudaOptions.defaults().withMemory(8 << 20), new ArrayList<>());
        assertThat(result.cards()).isEmpty();
        assertThat(result.gaps()).singleElement().asString().contains("cuda:0", "nvidia-smi");
    }
}
