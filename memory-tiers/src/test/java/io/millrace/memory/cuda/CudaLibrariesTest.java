package io.millrace.memory.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.NativeCallException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CudaLibrariesTest {
    private static CudaLibraries without(String... missing) {
        return new CudaLibraries(library -> !List.of(missing).contains(library));
    }

    @Test
    void eachMissingLibraryIsNamedWithWhatToDo() {
        assertThatThrownBy(without("libcuda.so.1")::requireDriver)
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("driver", "libcuda.so.1", "nvidia-smi", "--device cpu");
        assertThatThrownBy(without("libcudart.so.13")::requireDriver)
                .hasMessageContainingAll("runtime", "libcudart.so.13", "cuda-cudart-13-0");
        assertThatThrownBy(without("libcublasLt.so.13")::requireCublasLt)
                .hasMessageContainingAll("cuBLASLt", "libcublasLt.so.13", "libcublas-13-0");
        assertThatThrownBy(without("libnvrtc.so.13")::requireNvrtc)
                .hasMessageContainingAll("NVRTC", "libnvrtc.so.13", "cuda-nvrtc-13-0");
    }

    @Test
    void nothingIsAskedThatIsNotNeeded() {
        assertThatCode(
                        without("libcublasLt.so.13", "libcublas.so.13", "libnvrtc.so.13")
                                ::requireDriver)
                .doesNotThrowAnyException();
        assertThatCode(without("libnvrtc.so.13")::requireCublasLt).doesNotThrowAnyException();
        assertThatCode(without("libcublas.so.13")::requireNvrtc).doesNotThrowAnyException();
    }

    @Test
    void theDriverIsLoadedBeforeWhatLinksToIt() {
        List<String> order = new ArrayList<>();
        new CudaLibraries(order::add).requireCublasLt();
        assertThat(order)
                .containsExactly(
                        "libcuda.so.1", "libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13");
    }

    @Test
    void aMachineWithoutNvmlSaysSoAndGoesOn() {
        NvmlAnswer answer =
                without("libnvidia-ml.so.1")
                        .management(() -> {
                            throw new AssertionError("asked what is not there");
                        });
        assertThat(answer.facts()).isEmpty();
        assertThat(answer.refusal()).contains("libnvidia-ml.so.1");
    }

    @Test
    void anNvmlThatFailsIsQuotedAndHarmsNothing() {
        CudaLibraries all = new CudaLibraries(library -> true);
        assertThat(
                        all.management(
                                        () -> {
                                            throw new NativeCallException(
                                                    "nvmlInit_v2()",
                                                    18,
                                                    "Driver/library version mismatch");
                                        })
                                .refusal())
                .isEqualTo("nvmlInit_v2() failed with 18: Driver/library version mismatch");
        assertThat(
                        all.management(
                                        () -> {
                                            throw new UnsatisfiedLinkError("no jninvml");
                                        })
                                .refusal())
                .isEqualTo("no jninvml");
    }

    @Test
    void aProbeHearsOfEveryGapAtOnce() {
        assertThat(new CudaLibraries(library -> true).missing()).isEmpty();
        assertThat(new CudaLibraries(library -> false).missing()).hasSize(5);
    }
}
