package io.millrace.executor.cuda.kernel;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The kernels as host code. */
final class HostPackedKernelsTest extends PackedKernelsContract {
    private HostKit kit;

    @BeforeEach
    @Override
    void open() {
        kit = HostKit.install();
        super.open();
    }

    @AfterEach
    @Override
    void close() {
        super.close();
        kit.close();
    }
}
