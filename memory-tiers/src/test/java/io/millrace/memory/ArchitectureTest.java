package io.millrace.memory;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Floors and doors: who may import what. */
@AnalyzeClasses(
        packages = "io.millrace.memory",
        importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule restsOnTelemetryAlone =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.prefetch..",
                            "io.millrace.optim..",
                            "io.millrace.model..",
                            "io.millrace.executor..",
                            "io.millrace.cli..",
                            "io.millrace.bench..");

    @ArchTest
    static final ArchRule nettyHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.memory.nvme.io")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.netty..");

    @ArchTest
    static final ArchRule chronicleHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.memory.host")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("net.openhft..");

    @ArchTest
    static final ArchRule cudaHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.memory.cuda")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.bytedeco..");

    @ArchTest
    static final ArchRule tiersDoNotGoInCircles =
            slices().matching("io.millrace.memory.(*)..").should().beFreeOfCycles();

    private ArchitectureTest() {}
}
