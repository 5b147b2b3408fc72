package io.millrace.executor.cuda.kernel;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The products that stand in for the library's. */
final class HostProductsTest extends ProductsContract {
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
