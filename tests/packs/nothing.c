// Stands for programs that the cases only need to be started by some name.
int main(void) { return 0; }
